"""Bully and ring over a lease that is slow, lost, flushed; with leaders that crash, sleep and return."""

from random import Random

from app.algorithms.candidacy import BULLY, RING, Candidacy
from app.algorithms.election import (
    BecameLeader,
    CandidacySettings,
    ConditionChanged,
    HandOverWanted,
    LeaseGranted,
    LeaseRead,
    LeaseRefused,
    LeaseView,
    MembersChanged,
    ReadLease,
    ReleaseLease,
    RenewLease,
    SteppedDown,
    Triggered,
    TryLease,
)
from app.algorithms.election_messages import Condition, Member, strength
from app.algorithms.lease import EpochLedger
from app.algorithms.steps import Log, Received, Send, SendFailed, Started, StartTimer, StopTimer
from tests.simulation.engine import Host, Nemesis, Network, World

STORE = "store"
TTL = 6.0
CHAOS_ENDS = 15.0


class LeaseServer:
    """Redis and SQL in one: a lease that may be lost, an epoch that may not."""

    # One kind of server prolongs the term of an owner that asks again, the other opens a new one.
    kinds = (True, False)

    def __init__(self, world):
        self.world = world
        self.ledger = EpochLedger()
        self.held = None  # (owner, node, epoch, until)
        self.opened = {}  # epoch -> node, kept apart from the ledger that is being tested
        self.accepted = 0
        self.is_prolonging = world.random.choice(self.kinds)

    def view(self):
        if self.held is None or self.held[3] <= self.world.now:
            return None
        _, node, epoch, until = self.held
        return LeaseView(node, epoch, until - self.world.now)

    def read(self):
        return LeaseRead(self.view(), self.ledger.epoch)

    def attempt(self, owner, node, request):
        if self.view() is not None and self.held[0] != owner:
            return LeaseRefused(request, self.view(), self.ledger.epoch)
        epoch = self.held[2] if self.view() and self.is_prolonging else self.ledger.epoch + 1
        if not self.ledger.open_term(epoch, node):
            return LeaseRefused(request, None, self.ledger.epoch)
        self.world.require(self.opened.setdefault(epoch, node) == node, "epoch {} was given twice", epoch)
        self.held = (owner, node, epoch, self.world.now + TTL)
        return LeaseGranted(request, epoch)

    def renew(self, owner, node, request, epoch):
        if self.view() is None or self.held[0] != owner or self.held[2] != epoch:
            return LeaseRefused(request, self.view(), self.ledger.epoch)
        self.held = (owner, node, epoch, self.world.now + TTL)
        return LeaseGranted(request, epoch)

    def release(self, owner, epoch):
        if self.held is not None and self.held[0] == owner and self.held[2] == epoch:
            self.held = None

    def write(self, node, epoch):
        if not self.ledger.accepts(epoch):
            self.world.counts["stale writes refused"] += 1
            return
        newest = max(self.opened)
        self.world.require(epoch == newest, "a write of epoch {} was accepted after {} began", epoch, newest)
        self.world.require(self.opened[epoch] == node, "{} wrote in an epoch of {}", node, self.opened[epoch])
        self.accepted += 1
        self.world.counts["writes accepted"] += 1

    def flush(self):
        self.world.counts["lease flushes"] += 1
        self.world.note("the lease is lost")
        self.held = None


class Candidate:
    """Drives one core as a coordinator process does."""

    def __init__(self, scenario, host, weight):
        self.scenario, self.host, self.world = scenario, host, host.world
        self.member = Member(host.name, weight)
        self.dead = set()
        self.boot()

    def boot(self):
        self.core = Candidacy(
            self.member,
            self.host.life,
            Random(self.world.random.random()),
            self.scenario.algorithm,
            self.scenario.settings,
        )
        self.epoch_seen = 0
        self.feed(self.members())
        self.feed(Started())

    def members(self):
        return MembersChanged(
            tuple(
                Member(name, weight)
                for name, weight in self.scenario.weights.items()
                if name not in self.dead and name != self.host.name
            )
        )

    def think(self, name, is_dead):
        (self.dead.add if is_dead else self.dead.discard)(name)
        self.feed(self.members())

    def feed(self, event):
        for effect in self.core.step(event, self.host.steady()):
            self.perform(effect)
        seen = self.core.epoch_seen
        self.world.require(seen >= self.epoch_seen, "{} went back to epoch {}", self.host.name, seen)
        self.epoch_seen = seen
        known = self.core.leader
        is_confirmed = known is None or self.scenario.store.opened.get(known.epoch) == known.node
        self.world.require(is_confirmed, "{} believes in {}, who never was", self.host.name, known)

    def receive(self, sender, message):
        self.feed(Received(sender, message))

    def perform(self, effect):
        name, store = self.host.name, self.scenario.store
        match effect:
            case StartTimer() | StopTimer():
                self.host.timer(effect, self.feed)
            case Send(to, message):
                self.scenario.messages += 1
                self.world.counts["election messages"] += 1
                self.world.note("{} -> {}: {}", name, to, message)
                other = self.scenario.nodes[to]
                refused = SendFailed(to, message)
                self.scenario.network.send(name, to, other.receive, message, lambda: self.feed(refused))
            case ReadLease():
                self.ask(store.read)
            case TryLease(request):
                self.ask(store.attempt, f"{name}#{self.host.life}", name, request)
            case RenewLease(request, epoch):
                self.ask(store.renew, f"{name}#{self.host.life}", name, request, epoch)
            case ReleaseLease(epoch):
                self.tell(store.release, f"{name}#{self.host.life}", epoch)
            case BecameLeader(epoch):
                self.world.counts["terms"] += 1
                self.world.note("{} leads in epoch {}", name, epoch)
                self.host.soon(0.1, self.work)
            case SteppedDown(epoch, reason):
                self.world.counts["steps down"] += 1
                self.world.note("{} steps down from epoch {}: {}", name, epoch, reason)
            case Log(event, text):
                self.world.counts[event] += 1
                self.world.note("{}: {} ({})", name, event, text)

    def ask(self, question, *arguments):
        self.tell(lambda: self.answer(question(*arguments)))

    def tell(self, action, *arguments):
        network = self.scenario.network
        network.send(self.host.name, STORE, lambda _sender, _message: action(*arguments), None)

    def answer(self, event):
        self.scenario.network.send(STORE, self.host.name, lambda _sender, message: self.feed(message), event)

    def work(self):
        """Leader work: check, then write; the write may arrive much later."""
        if self.core.may_act(self.host.steady()):
            self.tell(self.scenario.store.write, self.host.name, self.core.epoch)
            self.host.soon(0.5, self.work)


class Elections:
    """One seed: chaos, then peace, then one last planned event whose outcome is known."""

    algorithm = BULLY

    def __init__(self, seed, trace=False):
        self.world = World(f"{self.algorithm}/{seed}", trace)
        random = self.world.random
        self.settings = CandidacySettings(may_preempt=random.random() < 0.2)
        self.messages = 0  # of the election, since it was last reset
        self.shared_until = 0.0  # for a lease's life after a flush two nodes may believe they hold it
        size = random.choice((2, 3, 3, 3, 4, 5))
        self.weights = {f"node-{number}": random.choice((1, 1, 1, 2)) for number in range(1, size + 1)}
        self.hosts = {name: Host(self.world, name) for name in (*self.weights, STORE)}
        self.network = Network(self.world, self.hosts)
        self.store = LeaseServer(self.world)
        self.nodes = {}
        for name, weight in self.weights.items():
            self.hosts[name].rate = random.uniform(0.97, 1.03)
            self.nodes[name] = Candidate(self, self.hosts[name], weight)
        self.victims = [self.hosts[name] for name in self.weights]
        extra = [self.slander, self.fall_ill, self.trigger]
        if random.random() < 0.5:
            extra.append(self.flush)
        self.nemesis = Nemesis(self.world, self.network, self.victims, self.restart, extra)

    def run(self):
        self.world.counts["seeds"] += 1
        self.nemesis.rage(until=CHAOS_ENDS, every=1.2)
        self.world.run(CHAOS_ENDS, self.check)
        self.nemesis.heal()
        self.correct_all_views()
        self.world.run(CHAOS_ENDS + 10.0, self.check)
        if self.settings.may_preempt:  # the strongest asks again only after a while
            self.world.run(self.world.now + self.settings.preempt_seconds, self.check)
        self.require_agreement(self.strongest(self.living()) if self.settings.may_preempt else None)
        self.last_event()
        self.messages = 0
        self.world.run(self.world.now + 3.0, self.check)
        self.world.require(self.messages == 0, "{} election messages though all agree", self.messages)
        return self.world.counts

    def flush(self):
        self.shared_until = self.world.now + TTL + 0.5
        self.store.flush()

    def slander(self):
        """A failure detector that is wrong for a while."""
        node, name = (
            self.world.random.choice(list(self.nodes.values())),
            self.world.random.choice(self.victims).name,
        )
        if node.host.is_up:
            self.world.counts["false suspicions"] += 1
            node.host.soon(0.0, node.think, name, True)
            node.host.soon(4.0, node.think, name, False)

    def fall_ill(self):
        node = self.world.random.choice(list(self.nodes.values()))
        if node.host.is_up:
            self.world.counts["illnesses"] += 1
            node.host.soon(0.0, node.feed, ConditionChanged(Condition(is_fit=False, reason="clock is wrong")))
            node.host.soon(3.0, node.feed, ConditionChanged(Condition()))

    def trigger(self):
        node = self.world.random.choice(list(self.nodes.values()))
        if node.host.is_up:
            self.world.counts["triggered elections"] += 1
            chosen = self.world.random.choice(("bully", "ring"))
            node.host.soon(0.0, node.feed, Triggered(chosen, is_forced=self.world.random.random() < 0.5))

    def restart(self, name):
        self.nodes[name].boot()

    def correct_all_views(self):
        for node in self.nodes.values():
            node.dead = {host.name for host in self.victims if not host.is_up}
            node.host.soon(0.0, node.feed, node.members())
            node.host.soon(0.0, node.feed, ConditionChanged(Condition()))

    def check(self):
        if self.world.now < self.shared_until:
            return  # then only the epoch protects, which the store checks at every write
        acting = [
            node for node in self.nodes.values() if node.host.is_up and node.core.may_act(node.host.steady())
        ]
        self.world.require(len(acting) <= 1, "{} act at once", [node.host.name for node in acting])

    def living(self):
        return [node for node in self.nodes.values() if node.host.is_up]

    def leader(self):
        return next((node for node in self.living() if node.core.may_act(node.host.steady())), None)

    def require_agreement(self, expected=None):
        leader, living = self.leader(), self.living()
        self.world.require(leader is not None, "nobody leads after the quiet time")
        for node in living:
            known = node.core.leader
            agrees = known is not None and (known.node, known.epoch) == (leader.host.name, leader.core.epoch)
            self.world.require(agrees, "{} follows {} instead of {}", node.host.name, known, leader.host.name)
        self.world.require(leader.core.epoch == self.store.ledger.epoch, "the leader's epoch is over")
        if expected is not None:
            self.world.require(leader is expected, "{} leads, not {}", leader.host.name, expected.host.name)

    def strongest(self, nodes):
        return max(nodes, key=lambda node: strength(node.member))

    def last_event(self):
        """What an operator or a power cut does to a healthy cluster."""
        events = [self.kill_leader, self.force_election]
        if not self.settings.may_preempt:  # else the strongest would be back at once
            events.append(self.hand_over)
        self.world.random.choice(events)()

    def kill_leader(self):
        self.world.counts["leaders killed"] += 1
        victim = self.leader()
        self.world.note("last event: {} is killed", victim.host.name)
        victim.host.crash()
        survivors = self.living()
        for node in survivors:
            node.host.soon(self.world.random.uniform(3.0, 5.0), node.think, victim.host.name, True)
        self.world.run(self.world.now + 8.0, self.check)
        self.require_agreement(self.strongest(survivors))

    def hand_over(self):
        self.world.counts["hand-overs"] += 1
        leader = self.leader()
        heir = self.world.random.choice([node for node in self.living() if node is not leader])
        self.world.note("last event: {} hands over to {}", leader.host.name, heir.host.name)
        leader.feed(HandOverWanted(heir.host.name, "maintenance"))
        self.world.run(self.world.now + 1.0, self.check)
        self.require_agreement(heir)

    def force_election(self):
        self.world.counts["forced elections"] += 1
        caller = self.world.random.choice(self.living())
        self.world.note("last event: {} calls a forced election", caller.host.name)
        caller.feed(Triggered(self.algorithm, is_forced=True))
        self.world.run(self.world.now + 1.5, self.check)
        self.require_agreement(self.strongest(self.living()))


class RingElections(Elections):
    algorithm = RING
