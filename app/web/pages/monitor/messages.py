"""The diary of the nodes as messages: what one sent and another received, joined again.

Pure; entries are the documents of coordination.cluster_log."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.algorithms.logical_clocks import Order, VersionVector
from app.coordination.cluster_log import RECEIVED, SENT

Document = dict[str, Any]


@dataclass(frozen=True)
class Event:
    """Something that happened on one node; the stamp is the node's own at that moment."""

    node: str
    lamport: int
    kind: str
    name: str
    text: str
    sender: str | None
    receiver: str | None
    election: str | None
    epoch: int
    at: str
    vector: VersionVector

    @property
    def key(self) -> str:
        """Names it in addresses: a node gives each Lamport time once."""
        return f"{self.node}:{self.lamport}"


@dataclass(frozen=True)
class Message:
    """One end may be unknown: lost on its way, or forgotten."""

    sent: Event | None
    received: Event | None

    @property
    def event(self) -> Event:
        found = self.sent or self.received
        if found is None:
            raise AssertionError("a message has one end at least")
        return found


def event_of(entry: Document) -> Event:
    node, lamport = str(entry["node"]), int(entry["lamport"])
    vector = {str(origin): int(time) for origin, time in entry["vector_clock"].items()}
    return Event(
        node=node,
        lamport=lamport,
        kind=entry["kind"],
        name=entry["name"],
        text=entry["text"],
        sender=entry["sender"],
        receiver=entry["receiver"],
        election=entry["election"],
        epoch=entry["epoch"],
        at=entry["noted_at"],
        vector=VersionVector({**vector, node: lamport}),
    )


def events_of(entries: Sequence[Document]) -> list[Event]:
    """Since every node last began to count anew, in an order in which causes come before effects.

    The diary is in the order in which it was stored: right for each node, arbitrary between them."""
    kept = _present_lives([event_of(entry) for entry in entries])
    return _causes_first(kept)


def _present_lives(events: Sequence[Event]) -> list[Event]:
    """Without what a node did before its counter fell back: those times are given a second time now."""
    lowest: dict[str, int] = {}
    first_at = ""
    for event in reversed(events):
        if event.lamport < lowest.get(event.node, event.lamport + 1):
            lowest[event.node] = event.lamport
        else:
            first_at = max(first_at, event.at)
    alive = [event for event in events if event.at > first_at]
    return list({event.key: event for event in alive}.values())


def _causes_first(events: Sequence[Event]) -> list[Event]:
    """By time of day, as far as no node's own order and no message speaks against it (Kahn, 1962)."""
    sent = {message.received.key: message.sent for message in messages_of(events) if message.received}
    waiting: dict[str, deque[Event]] = defaultdict(deque)
    for event in events:
        waiting[event.node].append(event)
    ordered: list[Event] = []
    placed: set[str] = set()
    while any(waiting.values()):
        heads = [queue[0] for queue in waiting.values() if queue]
        ready = [head for head in heads if (cause := sent.get(head.key)) is None or cause.key in placed]
        # Clocks that contradict the messages cannot happen in a diary that is whole; a broken one still ends.
        chosen = min(ready or heads, key=lambda event: (event.at, event.node))
        waiting[chosen.node].popleft()
        placed.add(chosen.key)
        ordered.append(chosen)
    return ordered


def messages_of(events: Sequence[Event]) -> list[Message]:
    """Each message once, where it was sent, or else where it was received. What was received belongs to the
    first such message that its receiver can have heard of."""
    waiting: dict[tuple[Any, ...], deque[Event]] = defaultdict(deque)
    for event in events:
        if event.kind == SENT:
            waiting[_words(event)].append(event)
    received: dict[str, Event] = {}
    orphans: set[str] = set()
    for event in events:
        if event.kind == RECEIVED:
            sending = _sending_of(event, waiting[_words(event)])
            if sending is None:
                orphans.add(event.key)
            else:
                received[sending.key] = event
    return [
        Message(event, received.get(event.key)) if event.kind == SENT else Message(None, event)
        for event in events
        if event.kind == SENT or event.key in orphans
    ]


def order_of(first: Event, second: Event) -> Order:
    """Whether one could have caused the other, by their vectors."""
    if first.key == second.key:
        return Order.EQUAL
    if second.vector.known(first.node) >= first.lamport:
        return Order.BEFORE
    return Order.AFTER if first.vector.known(second.node) >= second.lamport else Order.CONCURRENT


def _words(event: Event) -> tuple[Any, ...]:
    return event.sender, event.receiver, event.name, event.election, event.text, event.epoch


def _sending_of(received: Event, waiting: deque[Event]) -> Event | None:
    for sent in waiting:
        if received.vector.known(sent.node) >= sent.lamport:
            waiting.remove(sent)
            return sent
    return None
