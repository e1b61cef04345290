"""One round of a race: who wants what, all at once, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from loadtest.answers import Answer
from loadtest.contest import Contest, Interval, judge_contest, judge_duplicates, judge_intervals
from loadtest.gate import release_together
from loadtest.history import Entry, Outcome, Scribe
from loadtest.patient import Patient, Wish, new_key
from loadtest.stage import Place, Stage, tomorrow
from loadtest.target import Target
from loadtest.wire import Wire

MODES = ("slot", "interval", "duplicates")

_SLOT_MINUTES = 15
_SLOTS_A_DAY = 8 * 60 // _SLOT_MINUTES
#: A few free slots must remain near every contested one, or there is nothing to offer the losers.
_SLOTS_PER_ROUND = 2
_INTERVAL_STEP = timedelta(minutes=5)
_INTERVAL_STEPS = 24  # two hours of starts
_INTERVAL_LENGTHS = range(4, 11)  # 20 to 50 minutes


@dataclass(slots=True)
class Round:
    """What one round showed."""

    number: int
    kind: str
    subject: str
    entries: list[Entry]
    contenders: int
    told: Mapping[str, int] = field(default_factory=dict)
    message: str | None = None
    faults: list[str] = field(default_factory=list)

    @property
    def first_calls(self) -> list[Entry]:
        """Each client's first call; repeats come later by design."""
        first: dict[str, Entry] = {}
        for entry in self.entries:
            first.setdefault(entry.client, entry)
        return list(first.values())

    @property
    def winning_nodes(self) -> set[str]:
        return {e.node for e in self.entries if e.out is Outcome.OK and not e.replayed and e.node}


class Racers:
    """The clients of a race, each with a connection of its own, spread over all doors."""

    def __init__(self, target: Target, clients: int, history: Path, dice: Random) -> None:
        self.stage = Stage(target)
        self.scribe = Scribe(history, "race")
        self.dice = dice
        self.doctors: list[str] = []
        self.places: list[Place] = []
        self.taken: set[str] = set()
        self._wires = [Wire(target.doors[i % len(target.doors)]) for i in range(clients)]
        self.patients = [
            Patient(f"racer-{i + 1}", wire, self.scribe, self.stage.client_headers)
            for i, wire in enumerate(self._wires)
        ]

    def prepare(self, mode: str, rounds: int) -> None:
        """A fresh doctor with enough slots; for intervals a day per round."""
        label = f"{self.dice.getrandbits(32):08x}-{datetime.now():%H%M%S%f}"  # noqa: DTZ005  only a name
        self.doctors.append(self.stage.new_doctor(label))
        days = rounds if mode == "interval" else -(-rounds * _SLOTS_PER_ROUND // _SLOTS_A_DAY) + 1
        self.places = self.stage.new_slots(
            self.doctors[0], first_day=tomorrow(), days=days, minutes=_SLOT_MINUTES
        )

    def race(self, wishes: Sequence[Wish]) -> tuple[list[Answer], list[Entry]]:
        """Every client asks for its wish at the same moment, and insists until it knows."""
        mark = len(self.scribe.entries)
        answers = release_together(
            [self._runner(index, wish) for index, wish in enumerate(wishes)],
        )
        return answers, self.scribe.entries[mark:]

    def _runner(self, index: int, wish: Wish) -> Callable[[Callable[[], None]], Answer]:
        wire, patient = self._wires[index], self.patients[index]

        def run(wait_for_all: Callable[[], None]) -> Answer:
            wire.close()
            wire.open()
            wait_for_all()
            return patient.insist(wish)

        return run

    def __enter__(self) -> Racers:
        return self

    def __exit__(self, *_: object) -> None:
        for wire in self._wires:
            wire.close()
        self.stage.close()
        self.scribe.close()


def round_of(racers: Racers, mode: str, kind: str, number: int) -> Round:
    """Runs one round of a mode."""
    if mode == "interval":
        return _interval_round(racers, number)
    place = racers.places[(number - 1) * _SLOTS_PER_ROUND]
    is_hold = kind == "hold" or (kind == "alternate" and number % 2 == 0)
    if mode == "duplicates":
        return _duplicates_round(racers, place, number, is_hold=is_hold)
    return _slot_round(racers, place, number, is_hold=is_hold)


def _slot_round(racers: Racers, place: Place, number: int, *, is_hold: bool) -> Round:
    wishes = [patient.wish_for(place.id, hold=is_hold) for patient in racers.patients]
    _, entries = racers.race(wishes)
    contest = judge_contest(place.id, _last_calls(entries), racers.taken)
    racers.taken.add(place.id)
    done = _judged(number, "hold" if is_hold else "instant", f"slot {place.id}", entries, contest)
    expected = "SLOT_HELD" if is_hold else "SLOT_TAKEN"
    if set(contest.told) - {expected}:
        done.faults.append(f"losers of a slot that is {expected} were told {dict(contest.told)}")
    return done


def _interval_round(racers: Racers, number: int) -> Round:
    day = sorted({place.day for place in racers.places})[number - 1]
    first = min(place.starts_at for place in racers.places if place.day == day)
    wanted = {
        patient.name: _some_interval(racers.dice, datetime.fromisoformat(first))
        for patient in racers.patients
    }
    wishes = [_interval_wish(patient, racers.doctors[0], wanted[patient.name]) for patient in racers.patients]
    _, entries = racers.race(wishes)
    live = [
        booking
        for booking in racers.stage.live_bookings_of(doctor_id=racers.doctors[0])
        if booking.starts_at[:10] == day
    ]
    contest = judge_intervals(day, _last_calls(entries), wanted, live)
    return _judged(number, "interval", day, entries, contest)


def _some_interval(dice: Random, day_begins: datetime) -> Interval:
    start = day_begins + dice.randrange(_INTERVAL_STEPS) * _INTERVAL_STEP
    return start, start + dice.choice(_INTERVAL_LENGTHS) * _INTERVAL_STEP


def _interval_wish(patient: Patient, doctor: str, wanted: Interval) -> Wish:
    body = {
        "doctor_id": doctor,
        "patient_name": f"Load {patient.name}",
        "patient_email": f"load-{patient.name}@example.org",
        "start": wanted[0].isoformat(),
        "end": wanted[1].isoformat(),
        "reason": "race",
    }
    return Wish(f="appointment", method="POST", path="/api/appointments", body=body, key=new_key())


def _duplicates_round(racers: Racers, place: Place, number: int, *, is_hold: bool) -> Round:
    sender = racers.patients[0]
    wish = sender.wish_for(place.id, hold=is_hold)
    answers, entries = racers.race([wish] * len(racers.patients))
    faults = judge_duplicates(f"slot {place.id}", answers)
    statuses = {entry.status for entry in entries if (entry.status or 0) >= 500 or not entry.status}
    if statuses:
        faults.append(f"answers {statuses}")
    replays = sum(answer.is_replay for answer in answers)
    told = {"replayed": replays} if replays else {}
    kind = "hold" if is_hold else "instant"
    return Round(number, kind, f"slot {place.id}", entries, len(answers), told, None, faults)


def _judged(number: int, kind: str, subject: str, entries: list[Entry], contest: Contest) -> Round:
    done = Round(
        number,
        kind,
        subject,
        entries,
        contest.contenders,
        contest.told,
        contest.message,
        list(contest.faults),
    )
    broken = [entry for entry in entries if (entry.status or 0) >= 500 or not entry.status]
    if broken:
        done.faults.append(f"{len(broken)} calls without an answer or with a 5xx: {broken[0].message}")
    return done


def _last_calls(entries: Sequence[Entry]) -> list[Entry]:
    """What each client knew in the end."""
    last = {entry.client: entry for entry in entries}
    return list(last.values())
