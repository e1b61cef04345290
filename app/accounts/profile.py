"""How somebody wants to be reached and shown times, and for whom else they book."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from app.accounts.actions import Accounts
from app.accounts.principals import Principal
from app.errors import Conflict, NotFound, ValidationFailed
from app.tables.accounts import Dependant, User
from app.time_zones import known_time_zones

MOST_DEPENDANTS = 10
LONGEST_REMINDER_HOURS = 7 * 24


@dataclass(frozen=True)
class Profile:
    """What somebody decides about themselves."""

    name: str
    #: An IANA zone in which times are shown beside the clinic's; None: the clinic's alone.
    timezone: str | None = None
    #: So many hours before an appointment a reminder goes out; 0 is never, None is as the clinic does.
    reminder_hours: int | None = None


@dataclass(frozen=True)
class Person:
    """Somebody for whom the owner of an account books."""

    id: uuid.UUID
    name: str

    def document(self) -> dict[str, str]:
        return {"id": str(self.id), "name": self.name}


def read_profile(connection: Connection, user_id: uuid.UUID) -> Profile:
    columns = (User.name, User.timezone, User.reminder_hours)
    return Profile(*connection.execute(select(*columns).where(User.id == user_id)).one())


def change_profile(accounts: Accounts, caller: Principal, profile: Profile) -> None:
    """Raises ValidationFailed for a zone that is none, or hours that are too many."""
    if profile.timezone is not None and profile.timezone not in known_time_zones():
        raise ValidationFailed.of("timezone", "choose a time zone such as Europe/Berlin")
    if profile.reminder_hours is not None and not 0 <= profile.reminder_hours <= LONGEST_REMINDER_HOURS:
        raise ValidationFailed.of("reminder_hours", f"must be 0 to {LONGEST_REMINDER_HOURS}")
    values = {
        "name": profile.name,
        "timezone": profile.timezone,
        "reminder_hours": profile.reminder_hours,
    }
    accounts.database.run(lambda tx: tx.execute(update(User).where(User.id == caller.user_id).values(values)))


def dependants_of(connection: Connection, user_id: uuid.UUID) -> list[Person]:
    """By name."""
    query = select(Dependant.id, Dependant.name).where(Dependant.user_id == user_id)
    return [Person(*row) for row in connection.execute(query.order_by(Dependant.name, Dependant.id))]


def find_dependant(connection: Connection, user_id: uuid.UUID, dependant_id: uuid.UUID) -> Person | None:
    """None for somebody of another account, as for nobody."""
    found = (person for person in dependants_of(connection, user_id) if person.id == dependant_id)
    return next(found, None)


def add_dependant(accounts: Accounts, caller: Principal, name: str) -> Person:
    """Raises Conflict when there are as many as there may be."""

    def add(tx: Connection) -> Person:
        # Of two at once the second waits, or both would be the last that is allowed.
        tx.execute(select(User.id).where(User.id == caller.user_id).with_for_update())
        mine = select(func.count()).where(Dependant.user_id == caller.user_id)
        if tx.execute(mine).scalar_one() >= MOST_DEPENDANTS:
            raise Conflict(f"An account books for at most {MOST_DEPENDANTS} others.")
        person = Person(uuid.uuid4(), name)
        tx.execute(insert(Dependant).values(id=person.id, user_id=caller.user_id, name=name))
        return person

    return accounts.database.run(add)


def remove_dependant(accounts: Accounts, caller: Principal, dependant_id: uuid.UUID) -> None:
    """What was booked for them stays booked. Raises NotFound."""
    mine = (Dependant.id == dependant_id, Dependant.user_id == caller.user_id)
    removed = accounts.database.run(
        lambda tx: tx.execute(delete(Dependant).where(*mine).returning(Dependant.id)).first()
    )
    if removed is None:
        raise NotFound("There is no such person in your account.")
