"""What one load run plays on, handed from the command to the locust process as a file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

from loadtest.cinema import Cinema, Shape
from loadtest.stage import Place, Stage, tomorrow

#: The environment variable that tells the locust process where the plan is.
PLAN_VARIABLE = "LOADTEST_PLAN"

#: Halls of a thousand seats in all, so that some are always free.
_HALLS, _HALL = 4, Shape(rows=10, across=25)
_FIELD_DAYS = 7
_FIELD_MINUTES = 10
_CONTEST_MINUTES = 15
_SLOTS_A_CONTEST_DAY = 8 * 60 // _CONTEST_MINUTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How many of each kind of visitor, as weights."""

    browsers: int
    bookers: int
    rushers: int
    moviegoers: int


PROFILES = {
    "mixed": Profile(browsers=4, bookers=4, rushers=2, moviegoers=4),
    "browse": Profile(browsers=8, bookers=1, rushers=1, moviegoers=1),
    "book": Profile(browsers=1, bookers=8, rushers=1, moviegoers=1),
    "rush": Profile(browsers=1, bookers=1, rushers=8, moviegoers=1),
    "seats": Profile(browsers=1, bookers=1, rushers=1, moviegoers=8),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything the visitors need to know."""

    history: str
    seed: int
    profile: str
    doors: list[str]
    #: Each rush round lasts this long; round n is about contested[n].
    round_seconds: float
    doctors: list[str]
    days: list[str]
    #: What bookers send: an account with raised limits.
    client_headers: dict[str, str]
    #: Slots for bookers, by doctor, and the ones everybody wants.
    field: dict[str, list[str]]
    contested: list[str]
    #: The seats of each showtime; empty where there is no cinema.
    halls: dict[str, list[str]]

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    def is_hold_round(self, number: int) -> bool:
        """Every other rush is for a hold that its winner confirms."""
        return number % 2 == 1


def read_plan(path: Path) -> Plan:
    return Plan(**json.loads(path.read_text(encoding="utf-8")))


def open_the_halls(stage: Stage, label: str) -> dict[str, list[str]]:
    """Showtimes of the run's own with their seats; none on a system without a cinema."""
    if not stage.has_cinema():
        return {}
    cinema = Cinema(stage, label)
    showtimes = [cinema.new_showtime(_HALL) for _ in range(_HALLS)]
    return {showtime: [seat.id for seat in cinema.seats(showtime)] for showtime in showtimes}


def set_the_stage(
    stage: Stage, *, label: str, doctors: int, rounds: int
) -> tuple[list[str], list[Place], list[Place]]:
    """Doctors of the run's own, slots for bookers, and slots for rushes with free ones between them."""
    field_doctors = [stage.new_doctor(f"{label}-{number}") for number in range(1, doctors + 1)]
    field = [
        place
        for doctor in field_doctors
        for place in stage.new_slots(doctor, first_day=tomorrow(), days=_FIELD_DAYS, minutes=_FIELD_MINUTES)
    ]
    rush_doctor = stage.new_doctor(f"{label}-rush")
    days = -(-rounds * 2 // _SLOTS_A_CONTEST_DAY) + 1
    wanted = stage.new_slots(
        rush_doctor, first_day=tomorrow() + timedelta(days=1), days=days, minutes=_CONTEST_MINUTES
    )
    return [*field_doctors, rush_doctor], field, wanted[: rounds * 2 : 2]
