"""Quorum reads against majority writes: a read never misses what was acknowledged before it began."""

from app.algorithms.quorum import Outcome, Versioned, decide, majority, newest
from tests.simulation.engine import Host, Nemesis, Network, World

WRITER = "writer"
CHAOS_ENDS, ALL_ENDS = 12.0, 20.0


class Quorums:
    def __init__(self, seed, trace=False):
        self.world = World(f"quorums/{seed}", trace)
        random = self.world.random
        self.names = [f"node-{number}" for number in range(1, random.choice((3, 4, 5)) + 1)]
        self.hosts = {name: Host(self.world, name) for name in (*self.names, WRITER)}
        self.network = Network(self.world, self.hosts)
        self.stored = {name: Versioned(0, "") for name in self.names}  # on disk: outlives crashes
        self.version = self.acknowledged = 0
        victims = [self.hosts[name] for name in self.names]
        self.nemesis = Nemesis(self.world, self.network, victims, lambda name: None)

    def run(self):
        self.world.counts["seeds"] += 1
        self.nemesis.rage(until=CHAOS_ENDS, every=1.0)
        self.write()
        self.read()
        self.world.run(CHAOS_ENDS, self.check)
        self.nemesis.heal()
        self.world.run(ALL_ENDS, self.check)
        self.world.require(self.acknowledged == self.version, "the last write was never acknowledged")
        return self.world.counts

    def check(self):
        """Each read is checked when its quorum is complete."""

    def write(self):
        """The one writer sends a version to all and counts receipts; the next may start before."""
        if self.world.now > ALL_ENDS - 1:
            return
        self.version += 1
        value, votes = Versioned(self.version, f"value {self.version}"), {}

        def confirm(sender, _message):
            votes[sender] = True
            if decide(votes, self.names) is Outcome.WON and value.version > self.acknowledged:
                self.world.counts["writes acknowledged"] += 1
                self.acknowledged = value.version

        for name in self.names:
            self.network.send(WRITER, name, self.store_at(name, confirm), value)
        self.world.after(self.world.random.expovariate(2.0), self.write)

    def store_at(self, name, confirm):
        def store(sender, value):
            if value.version > self.stored[name].version:
                self.stored[name] = value
            self.network.send(name, sender, confirm, None)

        return store

    def read(self):
        """From any node: ask all, decide by the first majority, repair who was behind."""
        reader = self.world.random.choice(self.names)
        floor, replies, done = self.acknowledged, {}, []

        def receive(sender, value):
            replies[sender] = value
            votes = dict.fromkeys(replies, True)
            if not done and decide(votes, self.names, majority(len(self.names))) is Outcome.WON:
                done.append(True)
                self.conclude(reader, floor, newest(replies))

        for name in self.names:
            self.network.send(reader, name, self.answer_from(name, receive), None)
        if self.world.now < ALL_ENDS:
            self.world.after(self.world.random.expovariate(2.0), self.read)

    def answer_from(self, name, receive):
        return lambda sender, _message: self.network.send(name, sender, receive, self.stored[name])

    def conclude(self, reader, floor, found):
        self.world.counts["quorum reads"] += 1
        version = found.found.version
        self.world.note("{} read version {}, {} was acknowledged", reader, version, floor)
        self.world.require(version >= floor, "read version {} though {} was acknowledged", version, floor)
        for name in found.stale:
            self.world.counts["read repairs"] += 1
            self.network.send(reader, name, self.store_at(name, lambda *_: None), found.found)
