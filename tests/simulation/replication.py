"""Replicas fed by a lossy bus and healed by gossip, with the database at hand or away."""

from collections import defaultdict
from dataclasses import replace
from functools import reduce
from operator import xor
from random import Random

from app.algorithms.change_log import Applied, Change
from app.algorithms.digests import BucketDigests
from app.algorithms.gossip import TIMER, Diverged, Gossip, Merge, PeersChanged
from app.algorithms.logical_clocks import VersionVector
from app.algorithms.replica import TOMBSTONE_SECONDS, Replica
from app.algorithms.steps import Received, Send, Started, StartTimer, TimerFired
from tests.simulation.engine import Host, Nemesis, Network, World

DATABASE = "database"
STREAMS = ("doctor-1", "doctor-2")
PUBLIC = frozenset({"state"})
CHAOS_ENDS, QUIET_ENDS = 15.0, 40.0


class Database:
    """The truth: a log per stream, and the digest of every prefix of it."""

    def __init__(self, world):
        self.world = world
        self.logs = defaultdict(list)
        self.rows = defaultdict(dict)
        self.prefix_digests = {stream: [0] for stream in STREAMS}
        self._reference = Replica(PUBLIC)

    def commit(self):
        random = self.world.random
        stream, key = random.choice(STREAMS), f"slot-{random.randrange(6)}"
        log = self.logs[stream]
        row = self.rows[stream].get(key)
        fields = None if random.random() < 0.2 else {"state": random.choice("OHB")}
        change = Change(
            stream, len(log) + 1, f"{stream}/{key}", row.version + 1 if row else 1, fields, self.world.now
        )
        self.rows[stream][key] = change
        log.append(change)
        before = total(self._reference.digests)
        self._reference.apply(change)
        self.prefix_digests[stream].append(
            self.prefix_digests[stream][-1] ^ before ^ total(self._reference.digests)
        )
        return change

    def snapshot(self):
        live = [row for rows in self.rows.values() for row in rows.values() if row.fields is not None]
        return VersionVector({stream: len(log) for stream, log in self.logs.items()}), tuple(live)

    def digest_at(self, vector):
        return reduce(xor, (self.prefix_digests[stream][vector.known(stream)] for stream in STREAMS))


def total(digests: BucketDigests):
    """All of a node's content in one number."""
    return reduce(xor, digests.groups)


class ReplicaNode:
    def __init__(self, scenario, host):
        self.scenario, self.host, self.world = scenario, host, host.world

    def boot(self):
        self.replica = Replica(PUBLIC)
        self.is_spoilt = False
        self.vector = VersionVector()
        self.gossip = Gossip(self.replica, Random(self.world.random.random()), interval_seconds=3.0)
        self.feed(PeersChanged(frozenset(self.scenario.names) - {self.host.name}))
        self.feed(Started())

    def feed(self, event):
        for effect in self.gossip.step(event, self.host.steady()):
            match effect:
                case StartTimer():
                    self.host.timer(effect, self.feed)
                case Send(to, message):
                    self.world.note("{} -> {}: {}", self.host.name, to, message)
                    self.world.counts["gossip messages"] += 1
                    other = self.scenario.nodes[to]
                    self.scenario.network.send(self.host.name, to, other.receive, message)
                case Merge(delta):
                    outcome = self.replica.merge(delta)
                    self.world.counts[f"delta {outcome}"] += 1
                    self.world.counts["whole streams sent"] += len(delta.whole)
                    self.check()
                case Diverged(peer, buckets):
                    self.world.note("{} and {} differ in {}", self.host.name, peer, sorted(buckets))
                    self.world.counts["divergences found"] += 1
                    self.scenario.require_divergence(self.host.name, peer)
                    self.fetch_snapshot()

    def receive(self, sender, message):
        self.feed(Received(sender, message))

    def take_from_bus(self, _sender, change):
        if change.fields is not None and self.world.random.random() < self.scenario.spoiling:
            change = replace(change, fields={"state": "bit flip"})
            if self.replica.apply(change) is Applied.APPLIED:
                self.world.counts["rows spoilt"] += 1
                self.is_spoilt = True
            return
        outcome = self.replica.apply(change)
        self.world.counts[f"change {outcome}"] += 1
        self.check()
        if outcome is Applied.GAP and self.world.random.random() < 0.3:
            self.feed(TimerFired(TIMER))
            self.fetch_snapshot()

    def fetch_snapshot(self):
        network, database = self.scenario.network, self.scenario.database

        def answer(_sender, _message):
            network.send(DATABASE, self.host.name, self.install, database.snapshot())

        network.send(self.host.name, DATABASE, answer, None)

    def install(self, _sender, snapshot):
        replaced = self.replica.install(*snapshot)
        self.world.counts["snapshots installed"] += bool(replaced)
        if replaced >= self.replica.vector.keys():
            self.is_spoilt = False
        self.check()

    def purge(self):
        self.world.counts["tombstones purged"] += self.replica.purge(self.world.now + TOMBSTONE_SECONDS)
        self.check()

    def check(self):
        """The content is exactly the prefix that the vector claims, at every moment."""
        name, vector = self.host.name, self.replica.vector
        self.world.require(vector.covers(self.vector), "{} went back to {}", name, vector)
        self.vector = vector
        is_prefix = total(self.replica.digests) == self.scenario.database.digest_at(vector)
        self.world.require(is_prefix or self.scenario.has_spoilt, "{} is not the prefix {}", name, vector)


class Replication:
    def __init__(self, seed, trace=False):
        self.world = World(f"replication/{seed}", trace)
        random = self.world.random
        self.names = [f"node-{number}" for number in range(1, random.choice((2, 3, 4, 5)) + 1)]
        self.hosts = {name: Host(self.world, name) for name in (*self.names, DATABASE)}
        self.network = Network(self.world, self.hosts)
        self.database = Database(self.world)
        self.spoiling = random.choice((0.0, 0.0, 0.0, 0.02))
        self.nodes = {name: ReplicaNode(self, self.hosts[name]) for name in self.names}
        for node in self.nodes.values():
            node.boot()
        victims = [self.hosts[name] for name in self.names]
        extra = [self.purge_somewhere, self.lose_database]
        self.nemesis = Nemesis(self.world, self.network, victims, lambda name: self.nodes[name].boot(), extra)

    @property
    def has_spoilt(self):
        """A spoilt row may have travelled by gossip; the digests must find it, the prefix check cannot."""
        return self.world.counts["rows spoilt"] > 0

    def run(self):
        self.world.counts["seeds"] += 1
        self.nemesis.rage(until=CHAOS_ENDS, every=1.2)
        self.commit()
        self.world.run(CHAOS_ENDS, self.check)
        self.nemesis.heal()
        self.spoiling = 0.0
        is_database_away = not self.has_spoilt and self.world.random.random() < 0.5
        if is_database_away:
            self.world.counts["endings without database"] += 1
            self.network.cuts |= self.database_links()
        self.world.run(QUIET_ENDS, self.check)
        self.require_convergence()
        return self.world.counts

    def commit(self):
        if self.world.now < CHAOS_ENDS:
            change = self.database.commit()
            self.world.note("committed: {}", change)
            for name in self.names:
                self.network.send(DATABASE, name, self.nodes[name].take_from_bus, change)
            self.world.after(self.world.random.expovariate(2.5), self.commit)

    def purge_somewhere(self):
        node = self.world.random.choice(list(self.nodes.values()))
        node.host.soon(0.0, node.purge)

    def lose_database(self):
        links = self.database_links()
        self.world.counts["database outages"] += 1
        self.network.cuts |= links
        self.world.after(self.world.random.uniform(1, 6), self.network.cuts.difference_update, links)

    def database_links(self):
        return {(name, DATABASE) for name in self.names} | {(DATABASE, name) for name in self.names}

    def check(self):
        """Each replica is checked whenever it changes."""

    def require_divergence(self, one, other):
        contents = [total(self.nodes[name].replica.digests) for name in (one, other)]
        is_alarm_true = self.has_spoilt or contents[0] != contents[1]
        self.world.require(is_alarm_true, "a false alarm between {} and {}", one, other)

    def require_convergence(self):
        replicas = {name: node.replica for name, node in self.nodes.items()}
        digests = {total(replica.digests) for replica in replicas.values()}
        vectors = {replica.vector for replica in replicas.values()}
        self.world.require(len(digests) == 1 and len(vectors) == 1, "replicas differ: {}", vectors)
        truth = self.database.digest_at(vectors.pop())
        if digests != {truth}:
            self.audit_against_database()

    def audit_against_database(self):
        """A spoilt row that reached every node before anyone compared is invisible to gossip: only the
        database can tell, which is why production compares with it too."""
        self.world.require(self.has_spoilt, "the replicas agree on a wrong content")
        self.world.counts["errors shared by all"] += 1
        for node in self.nodes.values():
            node.fetch_snapshot()
        self.world.run(QUIET_ENDS + 1.0, self.check)
        for name, node in self.nodes.items():
            truth = self.database.digest_at(node.replica.vector)
            self.world.require(total(node.replica.digests) == truth, "the snapshot did not repair {}", name)
