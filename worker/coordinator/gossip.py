"""Drives one gossip core over calls, for replicas and for the status board alike."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from random import Random
from typing import Any

from app.algorithms.gossip import Diverged, Gossip, Merge, Offer, PeersChanged, Store
from app.algorithms.steps import Received, Send, Started, StartTimer
from app.algorithms.wire import JSON
from app.coordination.letters import Puzzling, close_letter, open_letter
from app.coordination.rpc.errors import CallRefused
from app.coordination.rpc.messages import Caller
from worker.coordinator.frame import Document, Duty, Frame
from worker.coordinator.loop import Timers
from worker.coordinator.membership import Membership

LETTER_SECONDS = 1.0


@dataclass(frozen=True)
class Topic:
    """What is gossiped about: the store, how to read what others say of it, and what to do then."""

    name: str
    store: Store[Any]
    read: Callable[[JSON], Any]
    merge: Callable[[Any], object]
    diverged: Callable[[str], object]
    #: Nobody else changes the store meanwhile.
    unchanging: Callable[[], AbstractContextManager[Any]] = nullcontext


class Gossiping(Duty):
    every_seconds = 60.0

    def __init__(self, frame: Frame, members: Membership, topic: Topic) -> None:
        self.name = f"{topic.name}-gossip"
        self._frame = frame
        self._members = members
        self._topic = topic
        self._core: Gossip[Any] = Gossip(topic.store, Random())  # noqa: S311 - jitter, no secret
        self._timers = Timers(frame.loop, self._feed)
        self._letters = {"sent": 0, "received": 0, "bytes_sent": 0, "bytes_received": 0}
        self._last_heard: dict[str, str] = {}
        members.on_change.append(self._tell_peers)
        frame.methods.expose(f"{topic.name}.say", str, self._hear, is_in_loop=False)

    def begin(self, now: float) -> None:
        self._tell_peers()
        self._feed(Started())

    def document(self, now: float) -> Document:
        return {**self._letters, "last_heard": self._last_heard}

    def offer_to(self, peer: str) -> None:
        """Say to one peer how far this node is, so that it asks for what it lacks."""
        with self._topic.unchanging():
            offer = Offer(self._topic.store.vector, self._topic.store.digests.groups)
        self._perform(Send(peer, offer))

    def _tell_peers(self) -> None:
        self._feed(PeersChanged(frozenset(self._members.live())))

    def _hear(self, letter: str, caller: Caller) -> None:
        """In the thread of the call: reading a long letter must not hold the loop up."""
        try:
            message = open_letter(letter, self._topic.read)
        except Puzzling as trouble:
            raise CallRefused("INVALID", str(trouble)) from None
        self._frame.loop.post(lambda: self._take_in(caller.node, message, len(letter)))

    def _take_in(self, sender: str, message: Any, size: int) -> None:
        self._letters["received"] += 1
        self._letters["bytes_received"] += size
        self._last_heard[sender] = self._frame.clock.now().isoformat()
        self._feed(Received(sender, message))

    def _feed(self, event: Any) -> None:
        with self._topic.unchanging():
            effects = self._core.step(event, self._frame.clock.elapsed())
        for effect in effects:
            self._perform(effect)

    def _perform(self, effect: Any) -> None:
        match effect:
            case StartTimer():
                self._timers.perform(effect)
            case Send(to, message):
                letter = close_letter(message)
                self._letters["sent"] += 1
                self._letters["bytes_sent"] += len(letter)
                self._frame.client.tell(to, f"{self._topic.name}.say", letter, LETTER_SECONDS)
            case Merge(delta):
                self._topic.merge(delta)
            case Diverged(peer, buckets):
                self._topic.diverged(f"differs from {peer} in {len(buckets)} of 256 buckets")
            case _:
                raise AssertionError(f"gossip has no effect {effect!r}")
