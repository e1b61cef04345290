"""What the clients asked and what they were told: one JSON line per call, written by the clients.

Times are CLOCK_MONOTONIC of the one host that runs all clients, read before the call is sent and
after its answer was read, so the moment of effect lies between them (Herlihy and Wing 1990)."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any


class Outcome(StrEnum):
    """What a client knows after a call."""

    OK = "ok"
    FAIL = "fail"
    #: Nobody answered, or the answer does not say: it may have happened, now or later.
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One call of one client."""

    op: str
    client: str
    f: str
    t_inv: float
    t_ret: float | None
    out: Outcome
    slot: str | None = None
    #: Several slots that were asked for together, all or nothing; then `slot` is empty.
    slots: tuple[str, ...] = ()
    #: Those of them that were refused -> why; of the others the refusal says nothing.
    lost: dict[str, str] = field(default_factory=dict)
    #: The fence of each, when they were granted.
    fences: dict[str, int] = field(default_factory=dict)
    #: Where a rescheduled booking came from.
    from_slot: str | None = None
    key: str | None = None
    booking: str | None = None
    fence: int | None = None
    #: The term of the leader that acted; clients of bookings never see one.
    epoch: int | None = None
    node: str | None = None
    status: int | None = None
    code: str | None = None
    reason: str | None = None
    message: str | None = None
    retryable: bool | None = None
    replayed: bool = False
    #: How long a granted hold had left when it was answered.
    lives_seconds: float | None = None
    retry_after_seconds: float | None = None
    alternatives: tuple[str, ...] = ()

    def to_json(self) -> str:
        """One line, without what is unknown."""
        return json.dumps({name: value for name, value in asdict(self).items() if not _says_nothing(value)})


def _says_nothing(value: object) -> bool:
    return value is None or value in ((), {})


_KNOWN = {known.name for known in fields(Entry)}


def entry_from(line: dict[str, Any]) -> Entry:
    """The entry a line stands for; members of other tools are ignored."""
    known = {name: value for name, value in line.items() if name in _KNOWN}
    known["out"] = Outcome(known["out"])
    for several in ("alternatives", "slots"):
        known[several] = tuple(known.get(several, ()))
    known.setdefault("t_ret", None)
    return Entry(**known)


def read_history(path: Path) -> list[Entry]:
    """Every entry of a history file, in the order of their calls."""
    with path.open(encoding="utf-8") as lines:
        entries = [entry_from(json.loads(line)) for line in lines if line.strip()]
    return sorted(entries, key=lambda entry: entry.t_inv)


class Scribe:
    """Appends entries to a file and keeps them; safe for threads and greenlets."""

    def __init__(self, path: Path, name: str = "run") -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8", buffering=1)
        self._guard = threading.Lock()
        self._name = name
        self._count = 0
        self.entries: list[Entry] = []

    def next_op(self) -> str:
        """A name no other call of this run has."""
        with self._guard:
            self._count += 1
            return f"{self._name}-{self._count}"

    def write(self, entry: Entry) -> None:
        with self._guard:
            self._file.write(entry.to_json() + "\n")
            self.entries.append(entry)

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Scribe:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
