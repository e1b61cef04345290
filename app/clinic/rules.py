"""What a clinic may decide differently, with what we would do."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from app.tables.desk import ClinicRule


@dataclass(frozen=True)
class ClinicRules:
    """Every rule with its default."""

    #: Patients move or cancel until so many hours before the appointment; 0 is until it begins.
    change_until_hours: int = 0
    #: How many hours before the appointment a reminder goes out, unless the person chose otherwise.
    reminder_hours: int = 24
    #: Whether the front desk may overbook, or administrators alone.
    desk_may_overbook: bool = False
    #: How long a freed time is held for the next person of the waitlist.
    waitlist_minutes: int = 30


def read(connection: Connection) -> ClinicRules:
    """The rules in force. A value of another kind than its rule's counts as never set."""
    stored: dict[str, Any] = {
        row.name: row.value for row in connection.execute(select(ClinicRule.name, ClinicRule.value))
    }
    kept = {
        field.name: stored[field.name]
        for field in fields(ClinicRules)
        if type(stored.get(field.name)) is type(field.default)
    }
    return ClinicRules(**kept)


def write(tx: Connection, rules: ClinicRules) -> None:
    """Keep these rules from now on."""
    insert = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(ClinicRule)
    for field in fields(ClinicRules):
        statement = insert.values(name=field.name, value=getattr(rules, field.name))
        tx.execute(
            statement.on_conflict_do_update(index_elements=["name"], set_={"value": statement.excluded.value})
        )
