"""What a run plays on: doctors and slots of its own, made through the API so that every copy knows them."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import psycopg

from loadtest.bench.stack import ROOT, RunningStack
from loadtest.stage import Stage, StageFailed, tomorrow
from loadtest.target import Target

_TRIES, _PAUSE_SECONDS = 10, 2.0
ADMIN_EMAIL = "bench@example.org"
_PASSWORD = "bench-only-" + os.urandom(8).hex()
_MINUTES, _DAYS = 5, 28
SLOTS_OF_A_DOCTOR = _DAYS * 8 * 60 // _MINUTES


@dataclass
class Field:
    """Free slots to book, each given out once; and a doctor whose day is only looked at."""

    doctors: list[str]
    slot_ids: list[int]
    shown_doctor: str
    shown_day: date
    #: Free times of the shown doctor, on other days than the one that is looked at.
    shown_slots: list[str]
    _next: int = 0
    files: int = field(default=0)

    @property
    def left(self) -> int:
        return len(self.slot_ids) - self._next

    def take(self, count: int) -> list[int]:
        """Slots nobody was given before; fewer when they run out."""
        taken = self.slot_ids[self._next : self._next + count]
        self._next += len(taken)
        return taken

    def take_shown(self) -> str:
        """A slot of the shown doctor; raises IndexError when all were given out."""
        return self.shown_slots.pop()

    def file_of(self, folder: Path, count: int) -> Path:
        """The same as a file for the generator."""
        self.files += 1
        path = folder / f"slots-{self.files}.txt"
        path.write_text("".join(f"{slot_id}\n" for slot_id in self.take(count)))
        return path


def make_admin(stack: RunningStack) -> None:
    """An account that may make doctors and slots."""
    environment = {**os.environ, "ONESLOT_VAR": str(stack.facts["var"]), "ADMIN_PASSWORD": _PASSWORD}
    done = subprocess.run(
        [sys.executable, "-m", "worker.stack.inside", "app.create_admin", ADMIN_EMAIL],
        cwd=ROOT, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        raise StageFailed(f"no admin could be made: {done.stdout}{done.stderr}")


@contextmanager
def admin_stage(stack: RunningStack) -> Iterator[Stage]:
    target = Target(
        base_url=stack.url, admin_email=ADMIN_EMAIL, admin_password=_PASSWORD,
        load_email=ADMIN_EMAIL, load_password=_PASSWORD,
    )  # fmt: skip
    stage = _logged_in(target)
    try:
        yield stage
    finally:
        stage.close()


def _logged_in(target: Target) -> Stage:
    """The balancer may hold every node for dead just after a rush; so it is tried for a while."""
    for _ in range(_TRIES):
        try:
            return Stage(target)
        except StageFailed:
            time.sleep(_PAUSE_SECONDS)
    return Stage(target)


def lay_out(stack: RunningStack, doctors: int, seed: int = 1) -> Field:
    """A practice with so many doctors, four weeks of five-minute slots each."""
    label = os.urandom(3).hex()
    with admin_stage(stack) as stage:
        made = [stage.new_doctor(f"bench-{label}-{number}") for number in range(doctors + 1)]
        for doctor in made[:-1]:
            _make_slots(stage, doctor, _MINUTES, _DAYS)
        _make_slots(stage, made[-1], 15, _DAYS)
    with psycopg.connect(stack.database_url, autocommit=True) as database:
        slot_ids = _slots_of(database, made[:-1])
        shown = _slots_of(database, made[-1:])
        database.execute("VACUUM ANALYZE")
    random.Random(seed).shuffle(slot_ids)
    return Field(made[:-1], slot_ids, made[-1], tomorrow(), [str(each) for each in shown[100:]])


def _slots_of(database: psycopg.Connection, doctors: list[str]) -> list[int]:
    found = "SELECT id FROM slots WHERE doctor_id = ANY(%s) ORDER BY starts_at, id"
    return [int(row[0]) for row in database.execute(found, [[int(each) for each in doctors]])]


def _make_slots(stage: Stage, doctor: str, minutes: int, days: int) -> None:
    stage.must(
        "POST",
        "/api/slots/bulk",
        doctor_id=doctor,
        start_date=tomorrow().isoformat(),
        end_date=(tomorrow() + timedelta(days=days - 1)).isoformat(),
        start_time="09:00",
        end_time="17:00",
        duration_minutes=minutes,
        exclude_weekends=False,
    )
