"""Logical clocks against the true past of every event, over losses, repetitions, crashes and clock steps."""

from app.algorithms.logical_clocks import (
    FutureStampError,
    HybridClock,
    LamportClock,
    Order,
    VersionVector,
)
from tests.simulation.engine import Host, Nemesis, Network, World

CHAOS_ENDS, ALL_ENDS = 12.0, 16.0
BASE_MS = 1_000_000


class Event:
    """What happened, with every stamp it got, and the set of events that truly led to it (one bit each)."""

    def __init__(self, number, past, lamport, vector, hybrid):
        self.number, self.past = number, past
        self.lamport, self.vector, self.hybrid = lamport, vector, hybrid


class Stamper:
    def __init__(self, scenario, host):
        self.scenario, self.host, self.world = scenario, host, host.world
        self.stored_mark, self.stored_hybrid, self.latest = 0, None, None

    def boot(self):
        name = self.host.name
        self.lamport = LamportClock(name, time=self.stored_mark, block=20)
        self.hybrid = HybridClock(name, last=self.stored_hybrid)
        self.stored_mark = self.lamport.mark
        self.host.soon(self.world.random.random(), self.act)

    def physical_ms(self):
        return BASE_MS + int(self.host.wall() * 1000)

    def act(self):
        self.happen(None)
        others = [name for name in self.scenario.names if name != self.host.name]
        other = self.scenario.nodes[self.world.random.choice(others)]
        self.scenario.network.send(self.host.name, other.host.name, other.receive, self.latest)
        self.host.soon(self.world.random.expovariate(1.0), self.act)

    def receive(self, _sender, cause):
        try:
            self.happen(cause)
        except FutureStampError:
            self.world.counts["stamps refused"] += 1
            ahead = cause.hybrid.wall_ms - self.physical_ms()
            self.world.require(ahead > 1000, "a stamp {} ms ahead was refused", ahead)

    def happen(self, cause):
        physical, name = self.physical_ms(), self.host.name
        if cause is None:
            hybrid, _ = self.hybrid.now(physical), self.lamport.tick()
            self.world.counts["local events"] += 1
        else:
            hybrid, _ = self.hybrid.update(cause.hybrid, physical), self.lamport.update(cause.lamport.time)
            self.world.counts["messages received"] += 1
        past, vector = 0, VersionVector()
        for event in (self.latest, cause):
            if event is not None:
                past |= event.past | 1 << event.number
                vector = vector.merge(event.vector)
        vector = vector.advance(*vector.next_dot(name))
        self.stored_mark, self.stored_hybrid = self.lamport.mark, hybrid
        self.latest = Event(len(self.scenario.events), past, self.lamport.stamp, vector, hybrid)
        self.scenario.compare(self.latest)
        bound = max(physical, self.scenario.furthest)
        self.world.require(hybrid.wall_ms <= bound, "{} ran away from physical time", hybrid)


class Clocks:
    def __init__(self, seed, trace=False):
        self.world = World(f"clocks/{seed}", trace)
        random = self.world.random
        self.events = []
        self.furthest = 0
        self.names = [f"node-{number}" for number in range(1, random.choice((2, 3, 4)) + 1)]
        self.hosts = {name: Host(self.world, name) for name in self.names}
        self.network = Network(self.world, self.hosts)
        self.nodes = {name: Stamper(self, self.hosts[name]) for name in self.names}
        for node in self.nodes.values():
            node.host.offset = random.uniform(-0.6, 0.6)
            node.boot()
        self.nemesis = Nemesis(
            self.world,
            self.network,
            list(self.hosts.values()),
            lambda name: self.nodes[name].boot(),
            [self.skew],
        )

    def run(self):
        self.world.counts["seeds"] += 1
        self.nemesis.rage(until=CHAOS_ENDS, every=1.0)
        self.world.run(CHAOS_ENDS, self.check)
        self.nemesis.heal()
        self.world.run(ALL_ENDS, self.check)
        self.world.counts["events"] += len(self.events)
        stamps = {event.lamport for event in self.events}
        self.world.require(len(stamps) == len(self.events), "a Lamport stamp was given twice")
        return self.world.counts

    def skew(self):
        host = self.world.random.choice(list(self.hosts.values()))
        self.world.counts["clock steps"] += 1
        host.offset = self.world.random.choice((-5.0, -0.5, 0.5, 5.0))

    def check(self):
        self.furthest = max(self.furthest, *(node.physical_ms() for node in self.nodes.values()))

    def compare(self, event):
        self.events.append(event)
        for other in self.world.random.sample(self.events, min(8, len(self.events))):
            led_to = event.past >> other.number & 1
            expected = Order.EQUAL if other is event else Order.BEFORE if led_to else Order.CONCURRENT
            found = other.vector.compare(event.vector)
            self.world.require(found is expected, "{} to {} is {}", other.vector, event.vector, found)
            self.world.counts[f"pairs {found}"] += 1
            if led_to:
                in_order = other.lamport < event.lamport and other.hybrid < event.hybrid
                self.world.require(in_order, "{} is not before {}", other.lamport, event.lamport)
