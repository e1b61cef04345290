"""What is kept about a person, all of it, and how it is forgotten (GDPR articles 15, 17 and 20)."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import JSON, Connection, String, cast, delete, select, type_coerce, update

from app.accounts import reminder_choice, second_factor, sessions
from app.accounts.actions import Accounts
from app.accounts.principals import Principal
from app.accounts.profile import dependants_of
from app.audit.journal import Witness
from app.database import db_now
from app.sealed_columns import marks_of
from app.sealing import EMAIL
from app.tables.accounts import AccountMail, Dependant, SavedView, User
from app.tables.booking import Booking
from app.tables.directory import Patient
from app.tables.journal import AuditEntry, IdempotencyRecord

Document = dict[str, Any]
#: What a name becomes: a row that stays must still say that there was somebody.
FORGOTTEN = "Forgotten"
MOST_ENTRIES = 10_000
#: No password has it.
NO_HASH = "-"


def account_export(connection: Connection, caller: Principal) -> Document:
    """The account, where it is logged in, and what the audit holds of what its owner did."""
    user = connection.execute(
        select(User.email, User.name, User.role, User.created_at, User.password_changed_at, User.totp_since,
               User.timezone, User.reminder_hours)
        .where(User.id == caller.user_id)
    ).one()  # fmt: skip
    did = connection.execute(
        select(AuditEntry.at, AuditEntry.action, AuditEntry.booking_id)
        .where(AuditEntry.actor == f"user:{caller.user_id}")
        .order_by(AuditEntry.at)
        .limit(MOST_ENTRIES)
    )
    return {
        "account": {name: _plain(value) for name, value in user._mapping.items()},
        "dependants": [person.document() for person in dependants_of(connection, caller.user_id)],
        "reminders": reminder_choice.read(connection, caller.user_id).document(),
        "logins": [
            {"device": login.device, "created_at": _plain(login.created_at)}
            for login in sessions.logins_of(connection, caller.user_id)
        ],
        "audit": [{name: _plain(value) for name, value in row._mapping.items()} for row in did],
    }


def forget_account(accounts: Accounts, caller: Principal, who: Witness) -> None:
    """Nobody can tell any more who this was; that something happened stays, and so does the audit.

    What is still booked must be cancelled before."""
    pen = accounts.scribe.pen()

    def work(tx: Connection) -> None:
        forget_bookings(tx, Booking.user_id == caller.user_id)
        marks = marks_of(tx, EMAIL, caller.email)
        on_file = list(tx.execute(select(Patient.id).where(Patient.email_mark.in_(marks))).scalars())
        forgotten = _nobody(tx, caller.user_id)
        tx.execute(
            update(Patient)
            .where(Patient.id.in_(on_file))
            .values(name=FORGOTTEN, **forgotten, phone=None, phone_mark=None, contact=None)
        )
        # Answers to be repeated hold what was asked; whoever they are for, they are an hour's help at most.
        for known in (caller.user_id, *on_file):
            tx.execute(delete(IdempotencyRecord).where(_holds(str(known))))
        tx.execute(delete(SavedView).where(SavedView.user_id == caller.user_id))
        tx.execute(delete(Dependant).where(Dependant.user_id == caller.user_id))
        reminder_choice.forget(tx, caller.user_id)
        second_factor.remove(tx, caller.user_id)
        sessions.end_all(tx, caller.user_id)
        tx.execute(delete(AccountMail).where(AccountMail.user_id == caller.user_id))
        tx.execute(
            update(User)
            .where(User.id == caller.user_id)
            .values(
                **forgotten, name=FORGOTTEN, password_hash=NO_HASH, timezone=None, reminder_hours=None,
                disabled_at=db_now(), erased_at=db_now(),
            )
        )  # fmt: skip
        pen.note(tx, who, "account.erased")

    accounts.database.run(work)


def forget_bookings(tx: Connection, which: Any) -> int:
    """Take the person out of these bookings; how many there were."""
    forgotten = tx.execute(
        update(Booking)
        .where(which)
        .values(
            patient_name=FORGOTTEN, patient_email=None, patient_phone=None, reason=None, cancel_reason=None,
            origin=None,
        )
    )  # fmt: skip
    return forgotten.rowcount


def _holds(known_as: str) -> Any:
    """Addresses are sealed there; whom an answer is about is not."""
    return cast(type_coerce(IdempotencyRecord.answer, JSON), String).contains(known_as, autoescape=True)


def _nobody(tx: Connection, user_id: uuid.UUID) -> dict[str, str]:
    """An address that nobody has, and its mark."""
    address = f"forgotten-{user_id.hex}@invalid"
    return {"email": address, "email_mark": marks_of(tx, EMAIL, address)[0]}


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, uuid.UUID) or hasattr(value, "isoformat") else value
