"""The last minute of every node as this one saw it, a sample each second: curves to look at, no more."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from app.coordination.cards import Card
from worker.coordinator.frame import Document, Duty, Frame
from worker.coordinator.membership import Membership

SAMPLES = 60


def _curve() -> deque[float]:
    return deque(maxlen=SAMPLES)


@dataclass
class Curves:
    silence: deque[float] = field(default_factory=_curve)
    connections: deque[float] = field(default_factory=_curve)
    load: deque[float] = field(default_factory=_curve)


class History(Duty):
    name, every_seconds = "history", 1.0

    def __init__(self, frame: Frame, members: Membership) -> None:
        self._frame = frame
        self._members = members
        self._curves: dict[str, Curves] = {}

    def tick(self, now: float) -> None:
        cards = {**self._members.live(), self._frame.node: self._members.card()}
        silences = {**self._members.silences(now), self._frame.node: 0.0}
        self._curves = {node: self._curves.get(node, Curves()) for node in silences}
        for node, curves in self._curves.items():
            card = cards.get(node, Card(node, 0, ""))
            curves.silence.append(round(silences[node], 2))
            curves.connections.append(card.connections)
            curves.load.append(card.load)

    def document(self, now: float) -> Document:
        return {
            node: {
                "silence": list(curves.silence),
                "connections": list(curves.connections),
                "load": list(curves.load),
            }
            for node, curves in self._curves.items()
        }
