"""What the operator has set for the whole cluster at run time."""

from __future__ import annotations

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from app.database import db_now
from app.tables.cluster import ClusterSetting

ELECTION_ALGORITHM = "election_algorithm"
BALANCING_POLICY = "balancing_policy"
#: The audit entry that holds the last race of the monitor's arena.
LAST_RACE = "last_race"


def read_settings(connection: Connection) -> dict[str, str]:
    rows = connection.execute(select(ClusterSetting.name, ClusterSetting.value))
    return {row.name: row.value for row in rows}


def write_setting(tx: Connection, name: str, value: str, changed_by: str) -> None:
    """Every coordinator follows within about a second."""
    values = {"value": value, "changed_by": changed_by, "changed_at": db_now()}
    upsert = (postgresql if tx.dialect.name == "postgresql" else sqlite).insert(ClusterSetting)
    tx.execute(upsert.values(name=name, **values).on_conflict_do_update(index_elements=["name"], set_=values))
