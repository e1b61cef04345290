"""Where the other nodes are, what their clocks show, and how calls to them have been going."""

from __future__ import annotations

import math
import platform
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from app.algorithms.time_sync import Exchange, Interval, cristian

CLOCK_WINDOW_SECONDS = 10.0
SLOWEST_EXCHANGE_SECONDS = 0.5
KEPT_CALLS = 200


@dataclass(frozen=True)
class Peer:
    """A process that answers calls: its node, its address, and on which machine a loopback address counts."""

    node: str
    url: str | None
    machine: str = ""


@lru_cache(maxsize=1)
def this_machine() -> str:
    """Differs between containers and hosts, stays the same for the processes of one."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    return f"{platform.node()}/{boot.read_text().strip() if boot.exists() else ''}"


class AddressBook:
    """Who is where; filled by the membership, read by the client."""

    def __init__(self, known: Iterable[Peer] = ()) -> None:
        self._peers = {peer.node: peer for peer in known}

    def find(self, node: str) -> Peer | None:
        return self._peers.get(node)

    def note(self, peer: Peer) -> None:
        self._peers[peer.node] = peer

    def all(self) -> Mapping[str, Peer]:
        return dict(self._peers)


@dataclass
class CallRecord:
    """How the calls to one peer went."""

    seconds: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT_CALLS))
    calls: int = 0
    failures: int = 0
    last_failure: str | None = None


class CallStatistics:
    """Calls per peer for the monitor: how many, how slow, how many failed. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._records: dict[str, CallRecord] = {}

    def succeeded(self, node: str, seconds: float) -> None:
        with self._lock:
            record = self._records.setdefault(node, CallRecord())
            record.calls += 1
            record.seconds.append(seconds)

    def failed(self, node: str, reason: str) -> None:
        with self._lock:
            record = self._records.setdefault(node, CallRecord())
            record.calls += 1
            record.failures += 1
            record.last_failure = reason

    def document(self) -> dict[str, dict[str, Any]]:
        with self._lock:
            return {node: _summary(record) for node, record in sorted(self._records.items())}


def _summary(record: CallRecord) -> dict[str, Any]:
    ordered = sorted(record.seconds)
    return {
        "calls": record.calls,
        "failures": record.failures,
        "last_failure": record.last_failure,
        "p50_ms": _percentile_ms(ordered, 0.5),
        "p99_ms": _percentile_ms(ordered, 0.99),
    }


def _percentile_ms(ordered: list[float], share: float) -> float | None:
    if not ordered:
        return None
    return round(ordered[min(math.ceil(len(ordered) * share), len(ordered)) - 1] * 1000, 2)


class PeerClocks:
    """How far each peer's clock is from ours, learned from every answered call (Cristian 1989). Thread-
    safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._exchanges: dict[str, deque[tuple[float, Exchange]]] = {}

    def learn(self, node: str, exchange: Exchange, now: float) -> None:
        with self._lock:
            kept = self._exchanges.setdefault(node, deque(maxlen=64))
            kept.append((now, exchange))

    def offset(self, node: str) -> float:
        """Add it to our clock to get theirs; the last measurement, or 0 when there is none yet."""
        with self._lock:
            latest = [exchange for _, exchange in list(self._exchanges.get(node, ()))[-8:]]
        if not latest:
            return 0.0
        best, newest = min(latest, key=lambda exchange: exchange.round_trip), latest[-1]
        leap = abs(best.offset - newest.offset) - (best.round_trip + newest.round_trip) / 2
        return newest.offset if leap > 0.05 else best.offset

    def intervals(self, now: float) -> dict[str, Interval]:
        """Where each peer's clock lies relative to ours, by the exchanges of the last seconds."""
        with self._lock:
            recent = {
                node: [exchange for at, exchange in kept if now - at <= CLOCK_WINDOW_SECONDS]
                for node, kept in self._exchanges.items()
            }
        measured = {node: cristian(each, SLOWEST_EXCHANGE_SECONDS) for node, each in recent.items()}
        return {node: interval for node, interval in measured.items() if interval is not None}
