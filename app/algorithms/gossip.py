"""Anti-entropy: compare with one peer at a time, send what the other lacks, notice what differs silently.

Sources: A. Demers et al., "Epidemic Algorithms for Replicated Database Maintenance", PODC 1987 (push-pull);
A. Das et al., "SWIM", DSN 2002, section 4.3 (a shuffled round of peers instead of independent draws, so that
everyone's turn comes within one round)."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Generic, Protocol, TypeVar

from app.algorithms.digests import BucketDigests
from app.algorithms.logical_clocks import VersionVector
from app.algorithms.steps import Received, Send, Started, StartTimer, TimerFired

TIMER = "gossip"

Delta = TypeVar("Delta")
Made = TypeVar("Made", covariant=True)


class Store(Protocol[Made]):
    """A Replica or a StatusBoard."""

    @property
    def is_healed_by_merging(self) -> bool: ...
    @property
    def vector(self) -> VersionVector: ...
    @property
    def digests(self) -> BucketDigests: ...
    def delta(self, after: VersionVector) -> Made: ...


@dataclass(frozen=True, slots=True)
class Offer:
    """How far I am, and the first level of my digests."""

    vector: VersionVector
    groups: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Answer(Generic[Delta]):
    """What you lack, how far I am, and whether I lack something of yours."""

    vector: VersionVector
    delta: Delta
    is_asking: bool


@dataclass(frozen=True, slots=True)
class Probe:
    """Our vectors are equal and our digests are not: here is my second level."""

    vector: VersionVector
    buckets: Mapping[int, int]
    is_reply: bool


@dataclass(frozen=True, slots=True)
class PeersChanged:
    peers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Merge(Generic[Delta]):
    """Merge this into the store, and keep the store safe."""

    delta: Delta


@dataclass(frozen=True, slots=True)
class Diverged:
    """Equal vectors, different content: an alarm, and a reason to rebuild from a snapshot."""

    peer: str
    buckets: frozenset[int]


GossipMessage = Offer | Answer[Delta] | Probe
GossipEvent = Started | TimerFired | PeersChanged | Received[Offer | Answer[Delta] | Probe]
GossipEffect = Send[Offer | Answer[Delta] | Probe] | StartTimer | Merge[Delta] | Diverged


class Gossip(Generic[Delta]):
    """Every interval one peer in turn, ten times as often while something is missing here."""

    def __init__(
        self,
        store: Store[Delta],
        random: Random,
        interval_seconds: float = 10.0,
        hurry_seconds: float = 1.0,
    ) -> None:
        self._store = store
        self._random = random
        self._interval = interval_seconds
        self._hurry = hurry_seconds
        self._peers: frozenset[str] = frozenset()
        self._turns: list[str] = []
        self._is_behind = True  # a node that starts knows nothing

    def step(self, event: GossipEvent[Delta], now: float) -> list[GossipEffect[Delta]]:
        match event:
            case PeersChanged(peers):
                self._peers = peers
                return []
            case Received(sender, Offer() as offer):
                return self._answer(sender, offer)
            case Received(sender, Answer() as answer):
                return self._take(sender, answer)
            case Received(sender, Probe() as probe):
                return self._compare(sender, probe)
            case _:
                return self._tell_next()

    def _tell_next(self) -> list[GossipEffect[Delta]]:
        delay = self._hurry if self._is_behind else self._interval
        self._is_behind = False
        # Jitter keeps nodes that started together from talking all at once.
        effects: list[GossipEffect[Delta]] = [StartTimer(TIMER, delay * self._random.uniform(0.8, 1.2))]
        self._turns = [peer for peer in self._turns if peer in self._peers]
        if not self._turns:
            self._turns = sorted(self._peers)
            self._random.shuffle(self._turns)
        if self._turns:
            offer = Offer(self._store.vector, self._store.digests.groups)
            effects.append(Send(self._turns.pop(), offer))
        return effects

    def _answer(self, sender: str, offer: Offer) -> list[GossipEffect[Delta]]:
        store, theirs = self._store, offer.vector
        is_behind = not store.vector.covers(theirs)
        self._is_behind |= is_behind
        if is_behind or not theirs.covers(store.vector):
            return [Send(sender, Answer(store.vector, store.delta(theirs), is_asking=is_behind))]
        if offer.groups == store.digests.groups:
            return []
        if store.is_healed_by_merging:
            everything = store.delta(VersionVector())
            return [Send(sender, Answer(VersionVector(), everything, is_asking=True))]
        return [Send(sender, Probe(store.vector, store.digests.below(offer.groups), is_reply=False))]

    def _take(self, sender: str, answer: Answer[Delta]) -> list[GossipEffect[Delta]]:
        self._is_behind |= not self._store.vector.covers(answer.vector)
        effects: list[GossipEffect[Delta]] = [Merge(answer.delta)]
        if answer.is_asking:
            mine = self._store.delta(answer.vector)
            effects.append(Send(sender, Answer(self._store.vector, mine, is_asking=False)))
        return effects

    def _compare(self, sender: str, probe: Probe) -> list[GossipEffect[Delta]]:
        if probe.vector != self._store.vector:
            return []  # one of us has moved on meanwhile
        differing = self._store.digests.differing(probe.buckets)
        if not differing:
            return []
        effects: list[GossipEffect[Delta]] = [Diverged(sender, differing)]
        if not probe.is_reply:
            mine = self._store.digests.at(differing)
            effects.append(Send(sender, Probe(self._store.vector, mine, is_reply=True)))
        return effects
