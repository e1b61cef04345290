"""Many moviegoers at one hall: random overlapping sets until it is full, or the best seats for everybody."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from loadtest.answers import Answer
from loadtest.cinema import Cinema
from loadtest.gate import release_together
from loadtest.history import Outcome, Scribe
from loadtest.invariants import plain_id
from loadtest.moviegoer import Moviegoer, SeatClaim, seats_in
from loadtest.patient import Patient
from loadtest.stage import Stage
from loadtest.target import Target
from loadtest.wire import Wire

LARGEST_SET = 6
LONGEST_RUN_SECONDS = 240.0
_PAUSE_SECONDS = 0.05


@dataclass(slots=True)
class Tally:
    """What the clients know together; safe for threads."""

    #: The seats of each booking somebody was told is confirmed.
    granted: dict[str, frozenset[str]] = field(default_factory=dict)
    told: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    maps_unchanged: int = 0
    maps_read: int = 0
    has_ended: bool = False
    _change: threading.Condition = field(default_factory=threading.Condition)

    @property
    def sold(self) -> int:
        with self._change:
            return sum(map(len, self.granted.values()))

    def grant(self, claim: SeatClaim) -> None:
        with self._change:
            self.granted[plain_id(claim.booking)] = frozenset(claim.slots)
            self._change.notify_all()

    def refuse(self, answer: Answer) -> None:
        with self._change:
            self.told[answer.reason or answer.code or f"status {answer.status}"] += 1
            if answer.outcome is Outcome.INFO:
                self.faults.append(f"no definite answer: {answer.status} {answer.message or answer.trouble}")

    def blame(self, fault: str) -> None:
        with self._change:
            self.faults.append(fault)

    def saw_map(self, *, is_unchanged: bool) -> None:
        with self._change:
            self.maps_read += 1
            self.maps_unchanged += is_unchanged

    def wait_for_sales(self, seats: int, seconds: float) -> bool:
        """Whether so many were sold in time, and before the end."""

        def is_enough() -> bool:
            return self.has_ended or sum(map(len, self.granted.values())) >= seats

        with self._change:
            return self._change.wait_for(is_enough, timeout=seconds) and not self.has_ended

    def end(self) -> None:
        with self._change:
            self.has_ended = True
            self._change.notify_all()

    def wait_for_end(self, seconds: float) -> None:
        with self._change:
            self._change.wait_for(lambda: self.has_ended, timeout=seconds)


class Crowd:
    """The clients, each with a connection of its own, spread over all doors."""

    def __init__(self, target: Target, clients: int, history: Path, seed: int) -> None:
        self.stage = Stage(target)
        self.scribe = Scribe(history, "seats")
        self.cinema = Cinema(self.stage, f"{seed}-{time.strftime('%H%M%S')}-{Random().getrandbits(16):04x}")
        self.showtimes: list[str] = []
        self._seed = seed
        self._wires = [Wire(target.doors[i % len(target.doors)]) for i in range(clients)]
        self._goers = [
            Moviegoer(Patient(f"goer-{i + 1}", wire, self.scribe, self.stage.client_headers))
            for i, wire in enumerate(self._wires)
        ]

    def fill(self, showtime: str, seats: Sequence[str], tally: Tally) -> None:
        """Everybody grabs sets of one to six until nothing is left."""
        self._all(lambda index, goer: Grabber(goer, showtime, self._dice(showtime, index), tally).fill(seats))

    def ask_for_best(self, ask: Callable[[Moviegoer, Random], None], showtime: str) -> None:
        self._all(lambda index, goer: ask(goer, self._dice(showtime, index)))

    def _dice(self, showtime: str, index: int) -> Random:
        return Random(f"{self._seed}/{len(self.showtimes)}/{index}")

    def _all(self, do: Callable[[int, Moviegoer], None]) -> None:
        def runner(index: int) -> Callable[[Callable[[], None]], bool]:
            def run(wait_for_all: Callable[[], None]) -> bool:
                self._wires[index].close()
                self._wires[index].open()
                wait_for_all()
                do(index, self._goers[index])
                return True

            return run

        release_together([runner(index) for index in range(len(self._goers))])

    def __enter__(self) -> Crowd:
        return self

    def __exit__(self, *_: object) -> None:
        for wire in self._wires:
            wire.close()
        self.stage.close()
        self.scribe.close()


class Grabber:
    """One client that wants whatever is left, several at a time."""

    def __init__(self, goer: Moviegoer, showtime: str, dice: Random, tally: Tally) -> None:
        self._goer = goer
        self._dice = dice
        self._tally = tally
        self._map_path = f"/api/showtimes/{showtime}/seats?sparse=1"
        self._etag: str | None = None
        self._pool: list[str] = []

    def fill(self, seats: Sequence[str]) -> None:
        self._pool = list(seats)
        give_up_at = time.monotonic() + LONGEST_RUN_SECONDS
        while self._pool and time.monotonic() < give_up_at:
            wanted = self._dice.sample(self._pool, min(len(self._pool), self._dice.randint(1, LARGEST_SET)))
            is_hold = self._dice.random() < 0.5
            answer = self._goer.take(wanted, hold=is_hold)
            claim = seats_in(answer)
            if claim is not None:
                self._check_whole(claim, wanted)
                self._live_with(claim, is_hold=is_hold)
                continue
            self._tally.refuse(answer)
            self._learn(answer)
            self._look()

    def _check_whole(self, claim: SeatClaim, wanted: Sequence[str]) -> None:
        if set(claim.slots) != set(wanted):
            self._tally.blame(f"asked for {sorted(wanted)}, was given {claim.slots}")

    def _learn(self, answer: Answer) -> None:
        gone = {slot for slot, reason in answer.lost.items() if reason == "SLOT_TAKEN"}
        if answer.outcome is Outcome.FAIL and not answer.lost:
            self._tally.blame(f"refused without a seat being named: {answer.code} {answer.message}")
        self._pool = [slot for slot in self._pool if slot not in gone]
        if not gone:  # only on hold: somebody may give them back
            time.sleep(_PAUSE_SECONDS * self._dice.random())

    def _look(self) -> None:
        """Ask for the map, but only if it has changed."""
        headers = {"If-None-Match": self._etag} if self._etag else {}
        answer = self._goer.patient.transport.send("GET", self._map_path, None, headers, "seat map")
        self._tally.saw_map(is_unchanged=answer.status == 304)
        if answer.outcome is Outcome.OK:
            self._etag = answer.headers.get("etag")
            booked = {str(seat["id"]) for seat in answer.data["seats"] if seat["state"] == "BOOKED"}
            self._pool = [slot for slot in self._pool if slot not in booked]

    def _live_with(self, claim: SeatClaim, *, is_hold: bool) -> None:
        if is_hold and self._dice.random() < 0.15:
            self._expect(self._goer.change("release", claim), "release")
            return
        if is_hold:
            claim = self._swap_one(claim) if self._dice.random() < 0.3 else claim
            if not self._expect(self._goer.change("confirm", claim), "confirm"):
                return
        self._tally.grant(claim)
        self._pool = [slot for slot in self._pool if slot not in claim.slots]

    def _swap_one(self, claim: SeatClaim) -> SeatClaim:
        """One more seat, then one less: the countdown goes on through both."""
        others = [slot for slot in self._pool if slot not in claim.slots]
        if not others:
            return claim
        more = seats_in(self._goer.add(claim, self._dice.choice(others)), claim)
        if more is None:
            return claim
        return seats_in(self._goer.drop(more, claim.slots[0]), more) or more

    def _expect(self, answer: Answer, what: str) -> bool:
        if answer.outcome is not Outcome.OK:
            self._tally.blame(f"a hold could not be ended by {what}: {answer.status} {answer.code}")
        return answer.outcome is Outcome.OK
