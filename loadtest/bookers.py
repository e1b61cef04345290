"""People who book while something breaks: they hold, confirm, book, cancel, and let holds lapse."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loadtest.copies import LONGEST_HOLD_SECONDS
from loadtest.history import Entry, Outcome, Scribe
from loadtest.patient import Claim, Patient
from loadtest.target import Target
from loadtest.wire import Wire

_PAUSE_SECONDS = 0.15
#: Keeps slots free for the others, over hundreds of minutes too.
_CANCELLED = 0.97
#: Enough for a silent node to be left and another one to answer.
_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Success:
    """How many calls got a definite answer, and how many wishes did in the end, repeats under one key
    included."""

    calls: int
    answered: int
    wishes: int
    decided: int

    @property
    def call_share(self) -> float:
        return self.answered / self.calls if self.calls else 0.0

    @property
    def wish_share(self) -> float:
        return self.decided / self.wishes if self.wishes else 0.0


def success_of(entries: Sequence[Entry]) -> Success:
    """A conflict is an answer like any other; silence and 5xx are none."""
    calls = [entry for entry in entries if entry.key is not None]
    answered = [entry for entry in calls if entry.out is not Outcome.INFO]
    return Success(
        len(calls), len(answered), len({entry.key for entry in calls}), len({entry.key for entry in answered})
    )


class Bookers:
    """So many clients at the balancer, from start() to stop()."""

    def __init__(
        self,
        target: Target,
        slots: Sequence[str],
        scribe: Scribe,
        count: int,
        seed: int,
        headers: Mapping[str, str],
    ) -> None:
        self._over = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._book, args=(target, slots, scribe, number, seed, headers), daemon=True
            )
            for number in range(count)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Returns when everybody has had the answer to their last wish."""
        self._over.set()
        for thread in self._threads:
            thread.join(timeout=60)

    def _book(
        self,
        target: Target,
        slots: Sequence[str],
        scribe: Scribe,
        number: int,
        seed: int,
        headers: Mapping[str, str],
    ) -> None:
        dice = random.Random(seed * 1000 + number)
        wire = Wire(target.base_url, _TIMEOUT_SECONDS)
        patient = Patient(f"booker-{number}", wire, scribe, headers)
        left: list[tuple[float, Claim]] = []
        while not self._over.is_set():
            claim = patient.claim(dice.choice(slots), hold=dice.random() < 0.5)
            if claim is not None and not _go_on(patient, claim, dice):
                left.append((time.monotonic(), claim))
            time.sleep(_PAUSE_SECONDS * dice.random() * 2)
        _give_back(patient, left)
        wire.close()


def _go_on(patient: Patient, claim: Claim, dice: random.Random) -> bool:
    """False when the claim is a hold that is left to lapse."""
    is_booked = not claim.is_hold
    if claim.is_hold:
        change = dice.choice(("confirm", "release", "extend", None))
        told = patient.change(change, claim) if change is not None else None
        if change in ("extend", None):
            return False
        is_booked = change == "confirm" and told is not None and told.outcome is Outcome.OK
    if is_booked and dice.random() < _CANCELLED:
        patient.change("cancel", claim)
    return True


def _give_back(patient: Patient, left: Sequence[tuple[float, Claim]]) -> None:
    """Or the judges would have to wait for the last holds to lapse."""
    since = time.monotonic() - LONGEST_HOLD_SECONDS
    for at, claim in left:
        if at > since:
            patient.change("release", claim)
