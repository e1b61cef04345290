"""Failure detection and what balancing makes of it: nodes crash, sleep, and cannot hear each other.

Each node also writes into a table when it was alive, and reads what the others wrote; the database may be
away."""

from collections import Counter
from dataclasses import replace
from random import Random

from app.algorithms.balancing import LeastConnections, Load, RoundRobin, SmoothWeighted, weights
from app.algorithms.failure_detector import (
    FailureDetector,
    Heartbeat,
    PeersChanged,
    Refuted,
    RowSeen,
    Status,
    StatusChanged,
    Vouch,
    is_dead_to_a_majority,
)
from app.algorithms.steps import Received, Send, Started, StartTimer
from tests.simulation.engine import Host, Nemesis, Network, World

CHAOS_ENDS, QUIET_ENDS, ALL_ENDS = 10.0, 20.0, 25.0
LOOK_SECONDS = 1.0
SETTLED_AFTER = 6.0  # so long after the chaos nobody may be declared dead wrongly


class Table:
    """When each node was last alive, and in which incarnation, by the database's clock."""

    def __init__(self, world):
        self.world = world
        self.rows = {}
        self.back_at = 0.0

    @property
    def is_up(self):
        return self.world.now >= self.back_at

    def go_away(self, until):
        self.world.counts["database outages"] += 1
        self.world.note("the database is away until {:.1f}", until)
        self.back_at = max(self.back_at, until)

    def write(self, name, incarnation):
        self.rows[name] = (incarnation, self.world.now)

    def read(self):
        return [RowSeen(name, life, self.world.now - at) for name, (life, at) in sorted(self.rows.items())]


class Observer:
    def __init__(self, scenario, host):
        self.scenario, self.host, self.world = scenario, host, host.world
        self.incarnation = 0

    def boot(self):
        self.incarnation += 1
        self.dead_in = {}
        self.known = Counter()
        self.core = FailureDetector(self.host.name, self.incarnation, Random(self.world.random.random()))
        self.feed(PeersChanged(frozenset(self.scenario.names) - {self.host.name}))
        self.feed(Started())
        self.look()

    def look(self):
        """Write one's own row and read all of them; the answer may come late, and out of date."""
        self.host.soon(LOOK_SECONDS, self.look)
        if self.scenario.table.is_up:
            self.scenario.table.write(self.host.name, self.core.incarnation)
            delay = self.world.random.random() ** 3 * self.scenario.network.max_delay
            self.world.after(delay, self.host.do, self.host.life, self.take, (self.scenario.table.read(),))

    def take(self, rows):
        for row in rows:
            peer = self.core.peers.get(row.node)
            is_late = peer is not None and row.incarnation < peer.incarnation
            was_suspect = peer is not None and peer.status is Status.SUSPECT
            self.feed(row)
            self.world.counts["rows of a former life"] += is_late
            self.world.counts["suspicions ended by a row"] += was_suspect and peer.status is Status.ALIVE

    def feed(self, event):
        for effect in self.core.step(event, self.host.steady()):
            match effect:
                case StartTimer():
                    self.host.timer(effect, self.feed)
                case Send(to, message):
                    self.send(to, message)
                case StatusChanged():
                    self.judge(effect)
                case Refuted(incarnation):
                    self.world.counts["refutations"] += 1
                    self.incarnation = incarnation

    def send(self, to, message):
        if isinstance(message, Heartbeat):
            message_life = self.host.life
            other = self.scenario.nodes[to]
            self.scenario.network.send(
                self.host.name, to, lambda sender, beat: other.hear(sender, beat, message_life), message
            )
        else:
            self.world.counts["vouches"] += isinstance(message, Vouch)
            self.world.note("{} -> {}: {}", self.host.name, to, message)
            self.scenario.network.send(self.host.name, to, self.scenario.nodes[to].receive, message)

    def hear(self, sender, beat, life):
        self.world.counts["beats of a former life"] += life < self.scenario.hosts[sender].life
        self.receive(sender, beat)

    def receive(self, sender, message):
        self.feed(Received(sender, message))
        for name, peer in self.core.peers.items():
            self.world.require(
                peer.incarnation >= self.known[name], "{} forgot an incarnation of {}", self.host.name, name
            )
            self.known[name] = peer.incarnation

    def judge(self, change):
        name, world = change.node, self.world
        world.note("{} holds {} for {} ({})", self.host.name, name, change.after, change.incarnation)
        world.counts[f"became {change.after}"] += 1
        target = self.scenario.nodes[name]
        if change.after is Status.DEAD:
            self.dead_in[name] = change.incarnation
            self.scenario.require_no_unjust_majority(target)
        elif change.before is Status.DEAD:
            world.counts["revivals"] += 1
            is_new_life = self.dead_in[name] < change.incarnation <= target.incarnation
            world.require(is_new_life, "{} rose from the dead at {}", name, self.host.name)


class Detection:
    def __init__(self, seed, trace=False):
        self.world = World(f"detection/{seed}", trace)
        random = self.world.random
        self.names = [f"node-{number}" for number in range(1, random.choice((3, 3, 4)) + 1)]
        self.hosts = {name: Host(self.world, name) for name in self.names}
        self.network = Network(self.world, self.hosts)
        self.table = Table(self.world)
        self.nodes = {name: Observer(self, host) for name, host in self.hosts.items()}
        for node in self.nodes.values():
            node.host.rate = random.uniform(0.999, 1.001)
            node.boot()
        if random.random() < 0.5:  # without it the beats alone must do
            self.table.go_away(random.choice((CHAOS_ENDS, ALL_ENDS)))
        self.nemesis = Nemesis(
            self.world, self.network, list(self.hosts.values()), self.restart, extra=[self.lose_database]
        )

    def restart(self, name):
        self.nodes[name].boot()

    def lose_database(self):
        self.table.go_away(self.world.now + self.world.random.uniform(0.5, 5.0))

    def check(self):
        """Everything here is checked where it happens."""

    def run(self):
        self.world.counts["seeds"] += 1
        self.nemesis.rage(until=CHAOS_ENDS, every=1.0)
        self.world.run(CHAOS_ENDS, self.check)
        self.nemesis.heal()
        self.world.run(QUIET_ENDS, self.check)
        for node in self.nodes.values():
            views = {name: peer.status for name, peer in node.core.peers.items()}
            all_alive = all(status is Status.ALIVE for status in views.values())
            self.world.require(all_alive, "after the quiet {} still sees {}", node.host.name, views)
        self.find_a_death()
        return self.world.counts

    def require_no_unjust_majority(self, target):
        if not target.host.is_up or self.world.now < CHAOS_ENDS + SETTLED_AFTER:
            return
        views = {
            name: {other: peer.status for other, peer in node.core.peers.items()}
            for name, node in self.nodes.items()
        }
        is_condemned = is_dead_to_a_majority(target.host.name, views)
        self.world.require(not is_condemned, "{} lives and is dead to a majority", target.host.name)

    def find_a_death(self):
        victim = self.world.random.choice(list(self.nodes.values()))
        self.world.note("last event: {} is killed", victim.host.name)
        victim.host.crash()
        self.world.run(ALL_ENDS, self.check)
        for node in self.nodes.values():
            if node is not victim:
                found = node.core.peers[victim.host.name].status is Status.DEAD
                self.world.require(
                    found, "{} has not found the death of {}", node.host.name, victim.host.name
                )
                self.balance(node, victim.host.name)

    def balance(self, node, dead):
        """The dead get nothing; the living share as their policy promises."""
        idle = Load(p95_ms=5.0, in_flight=0, cpu=0.0, up_since=0.0)
        loads = {name: replace(idle, is_alive=name in node.core.live) for name in node.core.peers}
        shares = weights(loads, self.world.now)
        living = sorted(node.core.live)
        policies = {
            "round robin": (RoundRobin(), living),
            "least connections": (LeastConnections(), dict.fromkeys(living, 0)),
            "weighted": (SmoothWeighted(), shares),
        }
        for name, (policy, candidates) in policies.items():
            turns = Counter(policy.pick(candidates) for _ in range(2 * len(living)))
            self.world.require(dead not in turns, "{} still serves by {}", dead, name)
            self.world.require(set(turns.values()) == {2}, "unfair turns by {}: {}", name, turns)
            self.world.counts["requests balanced"] += turns.total()
