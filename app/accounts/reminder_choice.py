"""By what a person wants to be reminded: read, chosen, forgotten."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from app.accounts.actions import Accounts
from app.accounts.principals import Principal
from app.audit.journal import Witness
from app.database import db_now
from app.errors import ValidationFailed
from app.tables.reminders import ReminderChoice

MAIL, SMS, PUSH = "mail", "sms", "push"
#: ITU-T E.164: a plus, the country, 15 digits in all. People write it with spaces, brackets and strokes.
NUMBER = re.compile(r"\+[1-9][0-9]{7,14}")
BETWEEN = re.compile(r"[ ()./-]")
LONGEST_DEVICE = 200
NUMBER_WANTED = "enter the mobile number with its country, such as +49 170 1234567"
DEVICE_WANTED = "enter what your push service calls this device"
Document = dict[str, Any]


@dataclass(frozen=True)
class Choice:
    channel: str = MAIL
    #: None for mail: that goes to the address of the booking.
    address: str | None = field(default=None, repr=False)

    def document(self) -> Document:
        return {
            "channel": self.channel,
            "phone": self.address if self.channel == SMS else None,
            "device": self.address if self.channel == PUSH else None,
        }


def read(connection: Connection, user_id: uuid.UUID) -> Choice:
    """Mail, unless something else was chosen."""
    query = select(ReminderChoice.channel, ReminderChoice.address)
    row = connection.execute(query.where(ReminderChoice.user_id == user_id)).first()
    return Choice(row.channel, row.address) if row else Choice()


def choose(
    accounts: Accounts, caller: Principal, choice: Choice, available: Collection[str], who: Witness
) -> Choice:
    """Counts for every reminder from now on. Raises ValidationFailed."""
    if choice.channel not in available:
        raise ValidationFailed.of("channel", f"choose one of {', '.join(available)}")
    pen, kept = accounts.scribe.pen(), Choice(choice.channel, _address(choice))

    def work(tx: Connection) -> Choice:
        insert = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(ReminderChoice)
        statement = insert.values(user_id=caller.user_id, channel=kept.channel, address=kept.address)
        changed = {
            "channel": kept.channel,
            "address": statement.excluded.address,
            "changed_at": db_now(),
        }
        tx.execute(statement.on_conflict_do_update(index_elements=["user_id"], set_=changed))
        pen.note(tx, who, "account.reminders_changed", channel=kept.channel)
        return kept

    return accounts.database.run(work)


def forget(tx: Connection, user_id: uuid.UUID) -> None:
    tx.execute(delete(ReminderChoice).where(ReminderChoice.user_id == user_id))


def normal_number(text: str) -> str:
    """+49 (170) 123-4567 as +491701234567. Raises ValidationFailed."""
    digits = BETWEEN.sub("", text.strip())
    digits = "+" + digits[2:] if digits.startswith("00") else digits
    if not NUMBER.fullmatch(digits):
        raise ValidationFailed.of("phone", NUMBER_WANTED)
    return digits


def _address(choice: Choice) -> str | None:
    if choice.channel == MAIL:
        return None
    given = (choice.address or "").strip()
    if choice.channel == SMS:
        return normal_number(given)
    if not given or not given.isprintable() or len(given) > LONGEST_DEVICE:
        raise ValidationFailed.of("device", DEVICE_WANTED)
    return given
