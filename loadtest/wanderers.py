"""People who go from node to node: each changes something at one and looks for it at another."""

from __future__ import annotations

import random
import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from loadtest.answers import Answer
from loadtest.history import Outcome
from loadtest.wire import Wire

TOKEN, SERVED, STALENESS = "x-session-token", "x-served-consistency", "x-staleness-ms"
#: Once in so many rounds a read at another level.
OTHER_LEVELS = ("bounded", "quorum")
OTHER_EVERY = 10
#: What may be served when a level was asked for; nothing weaker.
ENOUGH: Mapping[str, frozenset[str]] = {
    "causal": frozenset({"causal", "strong"}),
    "bounded": frozenset({"bounded", "strong"}),
    "quorum": frozenset({"quorum", "strong"}),
}
MOST_STALE_MS = 5000
_TIMEOUT_SECONDS = 10.0
_PATIENT = {"patient_name": "Wanda Example", "patient_email": "wanda@example.org"}


@dataclass(slots=True)
class Findings:
    """What one wanderer met, or what all of them did when added up."""

    tries: int = 0
    missed_writes: int = 0
    went_back: int = 0
    too_weak: int = 0
    too_old: int = 0
    undecided: int = 0
    served: Counter[str] = field(default_factory=Counter)
    read_seconds: list[float] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)

    def note(self, kind: str, text: str) -> None:
        setattr(self, kind, getattr(self, kind) + 1)
        self.examples.append(f"{kind}: {text}")

    def add(self, other: Findings) -> None:
        for name in ("tries", "missed_writes", "went_back", "too_weak", "too_old", "undecided"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.served += other.served
        self.read_seconds += other.read_seconds
        self.examples += other.examples


@dataclass(slots=True)
class Wanderer:
    """One of them, with a slot of their own; nobody else touches it."""

    doors: Sequence[str]
    doctor: str
    slot: str
    day: str
    dice: random.Random
    findings: Findings = field(default_factory=Findings)
    #: An account with raised limits.
    headers: Mapping[str, str] = field(default_factory=dict)
    token: str | None = None
    booking: Mapping[str, Any] | None = None
    versions: dict[str, int] = field(default_factory=dict)
    wires: dict[str, Wire] = field(default_factory=dict)

    def once(self) -> None:
        """Change the slot at one node and look at it at all others, at the same moment."""
        written_at, *others = self.dice.sample(self.doors, len(self.doors))
        expected = self._change(written_at)
        if expected is None:
            self.findings.undecided += 1
            return
        self._look(others, expected)

    def wander(self, tries: int, until: float) -> Findings:
        """So many tries, or fewer when the moment `until` of time.monotonic() comes first."""
        rounds = 0
        while self.findings.tries < tries and time.monotonic() < until:
            self.once()
            rounds += 1
            if rounds % OTHER_EVERY == 0:
                self.look_at(OTHER_LEVELS[rounds // OTHER_EVERY % len(OTHER_LEVELS)])
        self.close()
        return self.findings

    def close(self) -> None:
        if self.booking is not None:
            self._change(self.doors[0])
        for wire in self.wires.values():
            wire.close()

    def _change(self, door: str) -> str | None:
        """Hold the slot, or give it back; the state that it must be seen in from now on."""
        if self.booking is None:
            body = {"slot_id": self.slot, "hold": True, **_PATIENT}
            answer = self._send(door, "POST", "/api/bookings", body, {"Idempotency-Key": uuid.uuid4().hex})
            if answer.outcome is not Outcome.OK:
                return None
            self.booking = answer.booking
            return "HELD"
        path = f"/api/bookings/{self.booking['id']}/release"
        headers = {"X-Manage-Token": self.booking["manage_token"], "Idempotency-Key": uuid.uuid4().hex}
        answer = self._send(door, "POST", path, {}, headers)
        if answer.outcome is Outcome.INFO:
            return None
        self.booking = None
        return "OPEN" if answer.outcome is Outcome.OK else None

    def _look(self, doors: Sequence[str], expected: str) -> None:
        path = f"/api/doctors/{self.doctor}/slots?date={self.day}&limit=100"
        headers = {**self._session, "X-Consistency": "causal"}  # anybody may look
        began = time.monotonic()
        for door in doors:
            self._wire(door).begin(path, headers)
        answers = []
        for door in doors:
            answers.append(self._wire(door).end())
            self.findings.read_seconds.append(time.monotonic() - began)
        seen = [answer for answer in answers if answer.outcome is Outcome.OK]
        self.findings.undecided += len(answers) - len(seen)
        for answer in seen:
            self._judge(answer, expected)
        if seen:  # one token goes on, and with it what must be seen from now on
            self.token = seen[-1].headers.get(TOKEN, self.token)
            self.versions |= {str(slot["id"]): slot["version"] for slot in seen[-1].data}

    def _judge(self, answer: Answer, expected: str) -> None:
        shown = {str(slot["id"]): slot for slot in answer.data}
        served = answer.headers.get(SERVED, "nothing")
        where = f"{answer.node}, served {served}"
        self.findings.tries += 1
        self.findings.served[served] += 1
        if served not in ENOUGH["causal"]:
            self.findings.note("too_weak", f"asked for causal, {where}")
        if shown.get(self.slot, {}).get("state") != expected:
            self.findings.note("missed_writes", f"slot {self.slot} is not {expected} at {where}")
        for slot_id, slot in shown.items():
            if slot["version"] < self.versions.get(slot_id, 0):
                self.findings.note("went_back", f"slot {slot_id} to version {slot['version']} at {where}")

    def look_at(self, level: str) -> None:
        """A read at another level, whose promise is checked by what the answer says of itself."""
        door = self.dice.choice(self.doors)
        wire = self._wire(door)
        path = f"/api/slots?doctor_id={self.doctor}&limit=5"
        answer = wire.send("GET", path, None, {"X-Consistency": level})
        if answer.outcome is not Outcome.OK:
            return
        served = answer.headers.get(SERVED, "nothing")
        if served not in ENOUGH[level]:
            self.findings.note("too_weak", f"asked for {level}, served {served} by {answer.node}")
        if served == "bounded" and int(answer.headers.get(STALENESS, 10**9)) > MOST_STALE_MS:
            self.findings.note("too_old", f"{answer.headers.get(STALENESS)} ms at {answer.node}")
        self.findings.served[f"{level} as {served}"] += 1

    def _send(self, door: str, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Answer:
        answer = self._wire(door).send(method, path, body, {**self.headers, **headers, **self._session})
        self.token = answer.headers.get(TOKEN, self.token)
        return answer

    @property
    def _session(self) -> dict[str, str]:
        return {"X-Session-Token": self.token} if self.token else {}

    def _wire(self, door: str) -> Wire:
        if door not in self.wires:
            self.wires[door] = Wire(door, _TIMEOUT_SECONDS)
        return self.wires[door]
