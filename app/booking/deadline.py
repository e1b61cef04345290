"""Until when patients change a booking themselves, as the clinic decided. The front desk always can."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from app.booking.errors import TooLateToChange
from app.booking.rules import Actor
from app.clinic import rules
from app.database import db_now


def change_until(connection: Connection, starts_at: datetime) -> datetime:
    """The last moment at which a patient may move or cancel what begins then."""
    return starts_at - timedelta(hours=rules.read(connection).change_until_hours)


def refuse_when_too_late(tx: Connection, actor: Actor, starts_at: datetime) -> None:
    """Raises TooLateToChange for a patient after the clinic's deadline."""
    if actor.is_staff:
        return
    hours = rules.read(tx).change_until_hours
    if hours and tx.execute(select(db_now(hours * 3600))).scalar_one() > starts_at:
        raise TooLateToChange(
            f"This can be moved or cancelled online until {hours} hours before. Please call us.",
            hours=hours,
        )
