"""Who made which feed: made, given a new address, taken back; and whose feed an address opens."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from app.accounts.actions import Accounts
from app.accounts.principals import Principal, Role
from app.audit.journal import Witness
from app.database import db_now
from app.errors import Conflict, Forbidden, NotFound
from app.tables.accounts import StaffDoctor, User
from app.tables.directory import Doctor
from app.tables.feeds import CalendarFeed

BUSY, FULL = "busy", "full"
TOKEN_BYTES = 24
LONGEST_TOKEN = 64
MOST_FEEDS = 20
Document = dict[str, Any]


@dataclass(frozen=True)
class FeedDraft:
    #: None: one's own bookings.
    doctor_id: int | None
    shows: str
    language: str = "en"


@dataclass(frozen=True)
class Opened:
    """A feed, and its address's token: known now and never again."""

    feed: Document
    token: str


def create(accounts: Accounts, caller: Principal, draft: FeedDraft, who: Witness) -> Opened:
    """Raises Forbidden for a doctor whose bookings the caller may not see, NotFound, Conflict."""
    if draft.doctor_id is not None:
        _require_doctor(caller, draft.doctor_id)
    pen, token = accounts.scribe.pen(), _new_token()

    def work(tx: Connection) -> Document:
        if draft.doctor_id is not None and tx.execute(_living_doctor(draft.doctor_id)).first() is None:
            raise NotFound("There is no such doctor.")
        living = select(func.count()).where(
            CalendarFeed.user_id == caller.user_id, CalendarFeed.revoked_at.is_(None)
        )
        if tx.execute(living).scalar_one() >= MOST_FEEDS:
            raise Conflict(f"You have {MOST_FEEDS} feeds already. Take one back first.")
        feed_id = uuid.uuid4()
        values = {"doctor_id": draft.doctor_id, "shows": draft.shows, "language": draft.language}
        tx.execute(
            insert(CalendarFeed).values(
                id=feed_id, user_id=caller.user_id, token_hash=token_hash(token), **values
            )
        )
        pen.note(tx, who, "feed.created", feed_id=str(feed_id), doctor_id=draft.doctor_id, shows=draft.shows)
        return _read(tx, caller, feed_id)

    return Opened(accounts.database.run(work), token)


def rotate(accounts: Accounts, caller: Principal, feed_id: uuid.UUID, who: Witness) -> Opened:
    """A new address; the one before opens nothing any more. Raises NotFound."""
    pen, token = accounts.scribe.pen(), _new_token()

    def work(tx: Connection) -> Document:
        _change(tx, caller, feed_id, token_hash=token_hash(token), changed_at=db_now())
        pen.note(tx, who, "feed.rotated", feed_id=str(feed_id))
        return _read(tx, caller, feed_id)

    return Opened(accounts.database.run(work), token)


def revoke(accounts: Accounts, caller: Principal, feed_id: uuid.UUID, who: Witness) -> None:
    """Its address opens nothing any more. Raises NotFound."""
    pen = accounts.scribe.pen()

    def work(tx: Connection) -> None:
        _change(tx, caller, feed_id, revoked_at=db_now())
        pen.note(tx, who, "feed.revoked", feed_id=str(feed_id))

    accounts.database.run(work)


def list_own(connection: Connection, caller: Principal) -> list[Document]:
    """Those in use, in the order they were made."""
    query = _feeds().where(CalendarFeed.user_id == caller.user_id, CalendarFeed.revoked_at.is_(None))
    return [_document(row) for row in connection.execute(query.order_by(CalendarFeed.created_at))]


def find(connection: Connection, token: str) -> Row[Any] | None:
    """What this token opens; None once it, its maker, or their right to see the doctor's bookings is gone."""
    if not 0 < len(token) <= LONGEST_TOKEN:
        return None
    row: Any = connection.execute(
        select(*CalendarFeed.__table__.columns, User.role, User.all_doctors)
        .join(User, User.id == CalendarFeed.user_id)
        .where(
            CalendarFeed.token_hash == token_hash(token),
            CalendarFeed.revoked_at.is_(None),
            User.disabled_at.is_(None),
            User.erased_at.is_(None),
        )
    ).first()
    return row if row is not None and _still_may(connection, row) else None


def token_hash(token: str) -> str:
    """Random bits need no salt."""
    return hashlib.sha256(token.encode()).hexdigest()


def _still_may(connection: Connection, row: Any) -> bool:
    if row.doctor_id is None or row.role == Role.ADMIN:
        return True
    if row.role != Role.STAFF:
        return False
    theirs = select(StaffDoctor.doctor_id).where(
        StaffDoctor.user_id == row.user_id, StaffDoctor.doctor_id == row.doctor_id
    )
    return bool(row.all_doctors) or connection.execute(theirs).first() is not None


def _require_doctor(caller: Principal, doctor_id: int) -> None:
    if not caller.is_staff or (caller.doctors is not None and doctor_id not in caller.doctors):
        raise Forbidden("Only this doctor's front desk may do this.")


def _living_doctor(doctor_id: int) -> Any:
    return select(Doctor.id).where(Doctor.id == doctor_id, Doctor.deleted_at.is_(None))


def _change(tx: Connection, caller: Principal, feed_id: uuid.UUID, **values: Any) -> None:
    changed = tx.execute(
        update(CalendarFeed)
        .where(
            CalendarFeed.id == feed_id,
            CalendarFeed.user_id == caller.user_id,
            CalendarFeed.revoked_at.is_(None),
        )
        .values(**values)
    )
    if changed.rowcount != 1:
        raise NotFound("There is no such calendar.")


def _read(connection: Connection, caller: Principal, feed_id: uuid.UUID) -> Document:
    query = _feeds().where(CalendarFeed.id == feed_id, CalendarFeed.user_id == caller.user_id)
    return _document(connection.execute(query).one())


def _feeds() -> Any:
    return select(*CalendarFeed.__table__.columns, Doctor.name.label("doctor")).outerjoin(
        Doctor, Doctor.id == CalendarFeed.doctor_id
    )


def _document(row: Any) -> Document:
    return {
        "id": str(row.id),
        "doctor_id": None if row.doctor_id is None else str(row.doctor_id),
        "doctor": row.doctor,
        "shows": row.shows,
        "created_at": row.created_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "changed_at": row.changed_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
    }


def _new_token() -> str:
    return secrets.token_urlsafe(TOKEN_BYTES)
