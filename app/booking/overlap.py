"""Which slots of a doctor an interval overlaps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_
from sqlalchemy.exc import IntegrityError

from app.database import TransientFailure
from app.tables.booking import Slot


@dataclass(frozen=True)
class Interval:
    """A doctor's time from starts_at up to, not including, ends_at."""

    doctor_id: int
    starts_at: datetime
    ends_at: datetime


def overlaps(interval: Interval) -> ColumnElement[bool]:
    """start < end' and end > start': touching intervals do not overlap."""
    return and_(
        Slot.doctor_id == interval.doctor_id,
        Slot.starts_at < interval.ends_at,
        Slot.ends_at > interval.starts_at,
    )


@contextmanager
def overlap_means_look_again() -> Iterator[None]:
    """Somebody was quicker: answer with what is there then."""
    try:
        yield
    except IntegrityError as error:
        if "no_overlapping_slots" in str(error.orig) or "one_slot_per_doctor" in str(error.orig):
            raise TransientFailure from error
        raise
