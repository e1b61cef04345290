"""The world: one queue of happenings, hosts that crash and pause, a network that may do anything but lie.

In the manner of FoundationDB's and TigerBeetle's simulators: time jumps from one happening to the next."""

import heapq
from collections import Counter
from random import Random

from app.algorithms.steps import StartTimer, StopTimer, TimerFired


class ViolationError(AssertionError):
    """An invariant was broken."""


class World:
    def __init__(self, seed, trace=False):
        self.random = Random(seed)
        self.now = 0.0
        self.counts = Counter()
        self.lines = [] if trace else None
        self._queue = []
        self._order = 0

    def after(self, delay, action, *arguments):
        self._order += 1
        heapq.heappush(self._queue, (self.now + delay, self._order, action, arguments))

    def run(self, until, check):
        """Let things happen until then; check() after each of them."""
        queue = self._queue
        while queue and queue[0][0] <= until:
            self.now, _, action, arguments = heapq.heappop(queue)
            action(*arguments)
            check()
        self.now = until

    def note(self, text, *values):
        """One line of the trace; formatted only when somebody reads it."""
        if self.lines is not None:
            self.lines.append(f"{self.now:9.3f}  {text.format(*values)}")

    def require(self, is_kept, text, *values):
        if not is_kept:
            raise ViolationError(f"at {self.now:.3f} s: {text.format(*values)}")


class Host:
    """A machine: it lives several lives, may stand still, and has clocks of its own."""

    def __init__(self, world, name):
        self.world = world
        self.name = name
        self.life = 1  # Rises with every restart; what belongs to a former life is void.
        self.is_up = True
        self.resumes_at = 0.0
        self.rate = 1.0
        self.offset = 0.0  # of the time of day
        self._timers = {}
        self._timer_number = 0

    def steady(self):
        return self.world.now * self.rate

    def wall(self):
        return self.world.now * self.rate + self.offset

    def crash(self):
        self.is_up = False
        self.life += 1
        self._timers.clear()

    def start(self):
        self.is_up = True

    def pause(self, seconds):
        self.resumes_at = max(self.resumes_at, self.world.now + seconds)

    def is_paused(self):
        return self.resumes_at > self.world.now

    def soon(self, delay, action, *arguments):
        """After a delay by this host's clock."""
        self.world.after(delay / self.rate, self.do, self.life, action, arguments)

    def do(self, life, action, arguments):
        """Only in this life, and not while the host stands still."""
        if life != self.life or not self.is_up:
            return
        if self.resumes_at > self.world.now:
            self.world.after(self.resumes_at - self.world.now, self.do, life, action, arguments)
            return
        action(*arguments)

    def timer(self, effect, feed):
        """Perform StartTimer or StopTimer; feed(TimerFired) when it fires."""
        if isinstance(effect, StartTimer):
            self._timer_number += 1
            self._timers[effect.name] = self._timer_number
            self.soon(effect.delay_seconds, self._fire, effect.name, self._timer_number, feed)
        elif isinstance(effect, StopTimer):
            self._timers.pop(effect.name, None)

    def _fire(self, name, number, feed):
        if self._timers.get(name) == number:
            del self._timers[name]
            feed(TimerFired(name))


class Network:
    """Delays, loses, repeats and reorders; a cut works in one direction."""

    def __init__(self, world, hosts):
        self.world = world
        self.hosts = hosts
        self.cuts = set()
        self.loss = self.duplication = 0.0
        self.min_delay, self.max_delay = 0.001, 0.02

    def storm(self):
        chance = self.world.random.random
        self.loss, self.duplication = chance() ** 2 * 0.4, chance() * 0.2
        self.max_delay = self.world.random.choice((0.02, 0.1, 0.5, 2.0))

    def calm(self):
        self.loss = self.duplication = 0.0
        self.max_delay = 0.02
        self.cuts.clear()

    def send(self, sender, receiver, handle, message, refused=None):
        """handle(sender, message) on the receiver; refused() on the sender when nobody listens there."""
        random, counts = self.world.random, self.world.counts
        if (sender, receiver) in self.cuts or random.random() < self.loss:
            counts["messages lost"] += 1
            return
        copies = 1
        if random.random() < self.duplication:
            counts["messages repeated"] += 1
            copies = 2
        for _ in range(copies):
            delay = self.min_delay + random.random() ** 3 * self.max_delay
            self.world.after(delay, self._arrive, sender, receiver, handle, message, refused)

    def _arrive(self, sender, receiver, handle, message, refused):
        host = self.hosts[receiver]
        if host.is_up:
            host.do(host.life, handle, (sender, message))
        elif refused is not None and self.world.random.random() < 0.5:
            self.hosts[sender].soon(0.001, refused)


class Nemesis:
    """Breaks something every now and then, and everything again at the end."""

    def __init__(self, world, network, victims, restart, extra=()):
        self.world, self.network, self.restart = world, network, restart
        self.victims = victims
        self._peace_at = 0.0
        self._kinds = [self._crash, self._pause, self._cut, self._isolate, self._storm, *extra]

    def rage(self, until, every):
        self._peace_at = until
        if self.world.now < until:
            self.world.random.choice(self._kinds)()
            self.world.after(self.world.random.expovariate(1 / every), self.rage, until, every)

    def heal(self):
        self.network.calm()
        for host in self.victims:
            self.revive(host)

    def _victim(self):
        return self.world.random.choice(self.victims)

    def _crash(self):
        host = self._victim()
        if host.is_up:
            self.world.counts["crashes"] += 1
            self.world.note("{} crashes", host.name)
            host.crash()
            self.world.after(self.world.random.uniform(0.05, 9.0), self.revive, host)

    def revive(self, host):
        if not host.is_up:
            self.world.note("{} restarts", host.name)
            host.start()
            self.restart(host.name)

    def _pause(self):
        host, seconds = self._victim(), self.world.random.choice((0.3, 2.0, 5.0, 9.0))
        seconds = min(seconds, self._peace_at - self.world.now)
        self.world.counts["pauses"] += 1
        self.world.note("{} stands still for {} s", host.name, seconds)
        host.pause(seconds)

    def _cut(self):
        """One direction of one link."""
        link = tuple(self.world.random.sample(list(self.network.hosts), 2))
        self._part({link})

    def _isolate(self):
        """One host from all others, in one direction or in both."""
        name, others = self._victim().name, list(self.network.hosts)
        into, out = {(other, name) for other in others}, {(name, other) for other in others}
        self._part(self.world.random.choice((into, out, into | out)))

    def _part(self, links):
        self.world.counts["partitions"] += 1
        self.world.note("cut: {}", sorted(links))
        self.network.cuts |= links
        self.world.after(self.world.random.uniform(0.5, 9.0), self.network.cuts.difference_update, links)

    def _storm(self):
        self.world.counts["storms"] += 1
        self.network.storm()
        network = self.network
        self.world.note(
            "storm: loss {:.2f}, repeats {:.2f}, delay {}",
            network.loss,
            network.duplication,
            network.max_delay,
        )
