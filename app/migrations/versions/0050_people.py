"""The front desk: who is in the room, lanes for overbooking, closures, and the clinic's own rules."""

import sqlalchemy as sa
from alembic import op

from app.database import UtcDateTime

revision = "0050_people"
down_revision = "0040_security"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = UtcDateTime()
KNOWN = (
    "status IN ('PENDING','CONFIRMED','CANCELLED','EXPIRED','FAILED','ARRIVED',{more}'COMPLETED','NO_SHOW')"
)
STATUS_RULE = "ck_bookings_status_is_known"
TAKES_PART = "state <> 'BLOCKED' AND doctor_id IS NOT NULL"
START_INDEX = "one_slot_per_doctor_and_start"

NO_OVERLAP = """
ALTER TABLE slots ADD CONSTRAINT no_overlapping_slots EXCLUDE USING gist
(doctor_id WITH =, {lane}tstzrange(starts_at, ends_at) WITH &&) WHERE ({condition})
"""
# What does not overlap ends in the order in which it starts: the last to start before the new one ends
# is the last to end, and looking at that one alone is enough. That holds within one lane.
TRIGGER = """
CREATE TRIGGER no_overlapping_slots_{event} BEFORE {event} ON slots
WHEN NEW.state <> 'BLOCKED' AND NEW.doctor_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'no_overlapping_slots') FROM (
    SELECT ends_at FROM slots WHERE doctor_id = NEW.doctor_id {lane}AND state <> 'BLOCKED'
      AND id IS NOT NEW.id AND starts_at < NEW.ends_at ORDER BY starts_at DESC LIMIT 1
  ) WHERE ends_at > NEW.starts_at;
END
"""


def upgrade() -> None:
    op.create_table(
        "closures",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("doctor_id", BIG, nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("closed_by", sa.String(length=64), nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_closures_ends_after_start")),
        sa.ForeignKeyConstraint(
            ["doctor_id"], ["doctors.id"], name=op.f("fk_closures_doctor_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_closures")),
    )
    op.create_index(op.f("ix_closures_doctor_id_ends_at"), "closures", ["doctor_id", "ends_at"])
    op.create_table(
        "clinic_rules",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_clinic_rules")),
    )
    op.drop_index(START_INDEX, "slots")
    with op.batch_alter_table("slots", table_kwargs={"sqlite_autoincrement": True}) as slots:
        slots.add_column(sa.Column("lane", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("slots", table_kwargs={"sqlite_autoincrement": True}) as slots:
        slots.alter_column("lane", existing_type=sa.Integer(), server_default=None)
        slots.create_check_constraint(op.f("ck_slots_lane_is_known"), "lane BETWEEN 0 AND 3")
        slots.create_check_constraint(op.f("ck_slots_extra_lane_is_never_offered"), "lane = 0 OR is_interval")
    _index_starts(["doctor_id", "starts_at", "lane"])
    _forbid_overlap(by_lane=True)
    with op.batch_alter_table("bookings") as bookings:
        bookings.add_column(sa.Column("arrived_at", INSTANT, nullable=True))
        bookings.drop_constraint(op.f(STATUS_RULE), type_="check")
        bookings.create_check_constraint(op.f(STATUS_RULE), KNOWN.format(more="'IN_ROOM',"))


def downgrade() -> None:
    """Overbookings stay as bookings whose extra slot is retired: one lane has no room for them."""
    op.execute("UPDATE bookings SET status = 'ARRIVED' WHERE status = 'IN_ROOM'")
    with op.batch_alter_table("bookings") as bookings:
        bookings.drop_constraint(op.f(STATUS_RULE), type_="check")
        bookings.create_check_constraint(op.f(STATUS_RULE), KNOWN.format(more=""))
        bookings.drop_column("arrived_at")
    op.execute("UPDATE booking_slots SET live = false WHERE slot_id IN (SELECT id FROM slots WHERE lane > 0)")
    op.execute(
        "UPDATE slots SET state = 'BLOCKED', block_reason = 'retired', booking_id = NULL, hold_until = NULL"
        " WHERE lane > 0"
    )
    op.drop_index(START_INDEX, "slots")
    with op.batch_alter_table("slots", table_kwargs={"sqlite_autoincrement": True}) as slots:
        slots.drop_constraint(op.f("ck_slots_extra_lane_is_never_offered"), type_="check")
        slots.drop_constraint(op.f("ck_slots_lane_is_known"), type_="check")
        if op.get_bind().dialect.name == "postgresql":
            slots.drop_constraint("no_overlapping_slots")
        slots.drop_column("lane")
    _index_starts(["doctor_id", "starts_at"])
    _forbid_overlap(by_lane=False)
    op.drop_table("clinic_rules")
    op.drop_table("closures")


def _index_starts(columns: list[str]) -> None:
    where = sa.text(TAKES_PART)
    op.create_index(START_INDEX, "slots", columns, unique=True, postgresql_where=where, sqlite_where=where)


def _forbid_overlap(*, by_lane: bool) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE slots DROP CONSTRAINT IF EXISTS no_overlapping_slots")
        op.execute(NO_OVERLAP.format(lane="lane WITH =, " if by_lane else "", condition=TAKES_PART))
        return
    # SQLite dropped the triggers together with the table that was replaced.
    for event in ("INSERT", "UPDATE"):
        op.execute(TRIGGER.format(event=event, lane="AND lane = NEW.lane " if by_lane else ""))
