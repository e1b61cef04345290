"""The status board: writes on any node, at the same moment, with clocks that are wrong."""

from random import Random

from app.algorithms.gossip import Diverged, Gossip, Merge, PeersChanged
from app.algorithms.logical_clocks import HybridClock, VersionVector
from app.algorithms.registers import BoardField, BoardKind, Merged, StatusBoard
from app.algorithms.steps import Received, Send, Started, StartTimer
from tests.simulation.engine import Host, Nemesis, Network, World

CHAOS_ENDS, QUIET_ENDS, ALL_ENDS = 15.0, 35.0, 45.0
FIELDS = (
    BoardField(BoardKind.DOCTOR_DELAY, "7", "minutes"),
    BoardField(BoardKind.ROOM_MOVE, "7", "room"),
    BoardField(BoardKind.ANNOUNCEMENT, "front", "text"),
)


class BoardNode:
    def __init__(self, scenario, host):
        self.scenario, self.host, self.world = scenario, host, host.world
        self.stored = None

    def boot(self):
        """From its disk; without one the node must take a new name for its writes."""
        name = self.host.name
        if self.stored is None:
            self.board = StatusBoard(f"{name}/{self.host.life}", HybridClock(name))
            self.origin = f"{name}/{self.host.life}"
        else:
            self.board = StatusBoard(self.origin, HybridClock(name, last=self.last_stamp))
            self.board.load(self.stored)
        self.store()
        self.gossip = Gossip(self.board, Random(self.world.random.random()), interval_seconds=3.0)
        self.feed(PeersChanged(frozenset(self.scenario.names) - {name}))
        self.feed(Started())

    def store(self):
        self.stored = self.board.delta(VersionVector())
        self.last_stamp = self.board._clock.last

    def physical_ms(self):
        # Coarse on purpose: equal times are where only the tie-break decides.
        return max(int(self.host.wall() * 2) * 500, 0)

    def feed(self, event):
        for effect in self.gossip.step(event, self.host.steady()):
            match effect:
                case StartTimer():
                    self.host.timer(effect, self.feed)
                case Send(to, message):
                    other = self.scenario.nodes[to]
                    self.scenario.network.send(self.host.name, to, other.receive, message)
                case Merge(delta):
                    self.took(self.board.merge(delta, self.physical_ms()), delta.writes)
                case Diverged():
                    self.world.require(False, "a board must be healed by merging")

    def receive(self, sender, message):
        self.feed(Received(sender, message))

    def hear(self, _sender, write):
        self.took(self.board.apply(write, self.physical_ms()), [write])

    def took(self, outcome, writes):
        self.world.counts[f"merge {outcome}"] += 1
        if outcome is Merged.APPLIED:
            newest = max((write.stamp.wall_ms for write in writes), default=0)
            self.world.require(newest <= self.physical_ms() + 1000, "a stamp from the future was taken")
            self.store()

    def edit(self):
        conflicts = list(self.board.conflicts)
        if conflicts and self.world.random.random() < 0.1:
            self.world.counts["restores"] += 1
            lost = self.world.random.choice(conflicts)
            self.publish(self.board.restore(lost, "operator", self.physical_ms()))
        else:
            self.write(self.world.random.choice(FIELDS))

    def write(self, field):
        text = f"text {len(self.scenario.made)}"
        self.publish(self.board.write(field, text, "desk", self.physical_ms()))

    def publish(self, write):
        self.store()
        self.world.note("{} writes {}", self.host.name, write)
        self.scenario.made.append(write)
        for name in self.scenario.names:
            if name != self.host.name:
                self.scenario.network.send(self.host.name, name, self.scenario.nodes[name].hear, write)


class Board:
    def __init__(self, seed, trace=False):
        self.world = World(f"board/{seed}", trace)
        random = self.world.random
        self.made = []
        self.names = [f"node-{number}" for number in range(1, random.choice((2, 3, 4)) + 1)]
        self.hosts = {name: Host(self.world, name) for name in self.names}
        self.network = Network(self.world, self.hosts)
        self.nodes = {name: BoardNode(self, self.hosts[name]) for name in self.names}
        for node in self.nodes.values():
            node.host.offset = random.choice((0.0, 0.0, 0.3, -0.4, 0.9))
            node.boot()
        victims = list(self.hosts.values())
        self.nemesis = Nemesis(
            self.world,
            self.network,
            victims,
            lambda name: self.nodes[name].boot(),
            [self.skew, self.lose_disk],
        )

    def run(self):
        self.world.counts["seeds"] += 1
        self.nemesis.rage(until=CHAOS_ENDS, every=1.2)
        self.edit()
        self.world.run(CHAOS_ENDS, self.check)
        self.nemesis.heal()
        for host in self.hosts.values():
            host.offset = 0.0
        self.world.run(QUIET_ENDS, self.check)
        self.require_convergence()
        self.edit_at_once()
        self.world.run(ALL_ENDS, self.check)
        self.require_convergence()
        return self.world.counts

    def edit_at_once(self):
        """Two nodes, one field, the same millisecond: only the name of the node can decide."""
        for node in self.world.random.sample(list(self.nodes.values()), 2):
            node.write(FIELDS[0])

    def edit(self):
        if self.world.now < CHAOS_ENDS:
            node = self.world.random.choice(list(self.nodes.values()))
            node.host.soon(0.0, node.edit)
            self.world.after(self.world.random.expovariate(1.2), self.edit)

    def skew(self):
        host = self.world.random.choice(list(self.hosts.values()))
        self.world.counts["clock steps"] += 1
        host.offset = self.world.random.choice((-3.0, 0.5, 4.0))

    def lose_disk(self):
        node = self.world.random.choice(list(self.nodes.values()))
        if node.host.is_up:
            self.world.counts["disks lost"] += 1
            node.host.crash()
            node.stored = None
            self.world.after(1.0, self.nemesis.revive, node.host)

    def check(self):
        """Each merge is checked where it happens."""

    def require_convergence(self):
        boards = [node.board for node in self.nodes.values()]
        first = boards[0]
        for board in boards:
            self.world.require(board.vector == first.vector, "{} is not {}", board.vector, first.vector)
            self.world.require(board.conflicts == first.conflicts, "the conflict logs differ")
            for field in FIELDS:
                shown = board.read(field), first.read(field)
                self.world.require(shown[0] == shown[1], "{} is shown as {} and {}", field, *shown)
            self.world.require(board.digests.groups == first.digests.groups, "the digests differ")
        self.world.counts["conflicts logged"] += len(first.conflicts)
        for field in FIELDS:
            self.require_oracle(field, first)

    def require_oracle(self, field, board):
        """Of the writes that arrived, the last one nobody had seen wins; the others of these are logged."""
        arrived = [write for write in self.made if write.field == field and board.vector.includes(write.dot)]
        unseen = [write for write in arrived if not any(one.context.includes(write.dot) for one in arrived)]
        winner = max(unseen, key=lambda write: write.stamp, default=None)
        self.world.require(board.read(field) == winner, "{} won instead of {}", board.read(field), winner)
        stamps = [(write.stamp.wall_ms, write.stamp.counter) for write in unseen]
        self.world.counts["ties"] += stamps.count(max(stamps, default=None)) > 1
        for write in unseen:
            is_kept = write == winner or write.dot in board.conflicts
            self.world.require(is_kept, "{} vanished", write)
