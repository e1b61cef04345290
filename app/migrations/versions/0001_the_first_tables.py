"""The first tables, and the rule that no two slots of a doctor overlap."""

import sqlalchemy as sa
from alembic import op

from app.database import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = UtcDateTime()

NO_OVERLAP_IN_POSTGRESQL = """
ALTER TABLE slots ADD CONSTRAINT no_overlapping_slots
EXCLUDE USING gist (doctor_id WITH =, tstzrange(starts_at, ends_at) WITH &&) WHERE (state <> 'BLOCKED')
"""

# Slots that are not BLOCKED never overlap, so of those that start before the new one ends, the last to
# start is also the last to end: looking at that one alone is enough, however many there are.
NO_OVERLAP_IN_SQLITE = """
CREATE TRIGGER no_overlapping_slots_{event} BEFORE {event} ON slots WHEN NEW.state <> 'BLOCKED'
BEGIN
  SELECT RAISE(ABORT, 'no_overlapping_slots') FROM (
    SELECT ends_at FROM slots WHERE doctor_id = NEW.doctor_id AND state <> 'BLOCKED'
      AND id IS NOT NEW.id AND starts_at < NEW.ends_at ORDER BY starts_at DESC LIMIT 1
  ) WHERE ends_at > NEW.starts_at;
END
"""


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("node", sa.String(length=40), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=True),
        sa.Column("slot_id", BIG, nullable=True),
        sa.Column("fence", BIG, nullable=True),
        sa.Column("lamport", BIG, nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_at_id"), "audit", ["at", "id"], unique=False)
    op.create_index(op.f("ix_audit_booking_id"), "audit", ["booking_id"], unique=False)

    op.create_table(
        "doctors",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("specialization", sa.String(length=100), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("phone", sa.String(length=40), nullable=True),
        sa.Column("experience_years", sa.Integer(), nullable=False),
        sa.Column("hospital", sa.String(length=200), nullable=True),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("deleted_at", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "experience_years BETWEEN 0 AND 80", name=op.f("ck_doctors_experience_is_plausible")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_doctors")),
        sa.UniqueConstraint("email", name=op.f("uq_doctors_email")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        op.f("ix_doctors_specialization_name"), "doctors", ["specialization", "name"], unique=False
    )

    op.create_table(
        "idempotency",
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("scope", "key", name=op.f("pk_idempotency")),
    )
    op.create_index(op.f("ix_idempotency_created_at"), "idempotency", ["created_at"], unique=False)

    op.create_table(
        "leader_state",
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("epoch", BIG, nullable=False),
        sa.Column("node", sa.String(length=40), nullable=True),
        sa.Column("lease_until", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("role", name=op.f("pk_leader_state")),
    )
    op.create_table(
        "leader_terms",
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("epoch", BIG, nullable=False),
        sa.Column("node", sa.String(length=40), nullable=False),
        sa.Column("algorithm", sa.String(length=16), nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("role", "epoch", name=op.f("pk_leader_terms")),
    )
    op.create_table(
        "outbox",
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("seq", BIG, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("stream", "seq", name=op.f("pk_outbox")),
    )
    op.create_index(op.f("ix_outbox_created_at"), "outbox", ["created_at"], unique=False)
    op.create_index(op.f("ix_outbox_id"), "outbox", ["id"], unique=True)

    op.create_table(
        "patients",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("phone", sa.String(length=40), nullable=True),
        sa.Column("contact", sa.Text(), nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patients")),
        sa.UniqueConstraint("email", name=op.f("uq_patients_email")),
    )
    op.create_index(op.f("ix_patients_created_at_id"), "patients", ["created_at", "id"], unique=False)
    op.create_index(op.f("ix_patients_name_email"), "patients", ["name", "email"], unique=False)

    op.create_table(
        "server_nodes",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("address", sa.String(length=200), nullable=False),
        sa.Column("incarnation", BIG, nullable=False),
        sa.Column("started_at", INSTANT, nullable=False),
        sa.Column("last_heartbeat", INSTANT, nullable=False),
        sa.Column("connections", sa.Integer(), nullable=False),
        sa.Column("load", sa.Float(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("lamport_reserved", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_server_nodes")),
    )
    op.create_table(
        "streams",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("last_seq", BIG, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_streams")),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("disabled_at", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "role IN ('patient','staff','admin','operator')", name=op.f("ck_users_role_is_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    op.create_table(
        "bookings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(length=8), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("doctor_id", BIG, nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("patient_id", sa.Uuid(), nullable=True),
        sa.Column("patient_name", sa.String(length=100), nullable=True),
        sa.Column("patient_email", sa.String(length=254), nullable=True),
        sa.Column("patient_phone", sa.String(length=40), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("is_appointment", sa.Boolean(), nullable=False),
        sa.Column("expires_at", INSTANT, nullable=True),
        sa.Column("extensions", sa.Integer(), nullable=False),
        sa.Column("confirmed_at", INSTANT, nullable=True),
        sa.Column("cancelled_at", INSTANT, nullable=True),
        sa.Column("cancel_reason", sa.Text(), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("processed_by", sa.String(length=40), nullable=False),
        sa.Column("logical_clock", BIG, nullable=False),
        sa.Column("vector_clock", sa.JSON(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "(status = 'PENDING') = (expires_at IS NOT NULL)", name=op.f("ck_bookings_deadline_while_pending")
        ),
        sa.CheckConstraint(
            "status IN ('PENDING','CONFIRMED','CANCELLED','EXPIRED','FAILED',"
            "'ARRIVED','COMPLETED','NO_SHOW')",
            name=op.f("ck_bookings_status_is_known"),
        ),
        sa.CheckConstraint(
            "status IN ('PENDING','EXPIRED','CANCELLED','FAILED') OR patient_name IS NOT NULL",
            name=op.f("ck_bookings_patient_is_named"),
        ),
        sa.ForeignKeyConstraint(
            ["doctor_id"], ["doctors.id"], name=op.f("fk_bookings_doctor_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["patient_id"], ["patients.id"], name=op.f("fk_bookings_patient_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_bookings_user_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bookings")),
        sa.UniqueConstraint("reference", name=op.f("uq_bookings_reference")),
    )
    op.create_index(op.f("ix_bookings_created_at_id"), "bookings", ["created_at", "id"], unique=False)
    op.create_index(
        op.f("ix_bookings_doctor_id_status_starts_at"),
        "bookings",
        ["doctor_id", "status", "starts_at"],
        unique=False,
    )
    op.create_index(op.f("ix_bookings_patient_id"), "bookings", ["patient_id"], unique=False)
    op.create_index(op.f("ix_bookings_status_created_at"), "bookings", ["status", "created_at"], unique=False)
    op.create_index(
        op.f("ix_bookings_user_id_created_at"), "bookings", ["user_id", "created_at"], unique=False
    )

    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_sessions_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_user_id"), "sessions", ["user_id"], unique=False)

    op.create_table(
        "slots",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("doctor_id", BIG, nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("block_reason", sa.String(length=16), nullable=True),
        sa.Column("booking_id", sa.Uuid(), nullable=True),
        sa.Column("hold_until", INSTANT, nullable=True),
        sa.Column("fence", BIG, nullable=False),
        sa.Column("version", BIG, nullable=False),
        sa.Column("is_interval", sa.Boolean(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "(state = 'BLOCKED') = (block_reason IS NOT NULL)", name=op.f("ck_slots_reason_when_blocked")
        ),
        sa.CheckConstraint(
            "(state = 'HELD') = (hold_until IS NOT NULL)", name=op.f("ck_slots_deadline_when_held")
        ),
        sa.CheckConstraint(
            "(state IN ('HELD','BOOKED')) = (booking_id IS NOT NULL)", name=op.f("ck_slots_owned_when_taken")
        ),
        sa.CheckConstraint(
            "state IN ('OPEN','HELD','BOOKED','BLOCKED')", name=op.f("ck_slots_state_is_known")
        ),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_slots_ends_after_start")),
        sa.CheckConstraint("fence >= 0", name=op.f("ck_slots_fence_is_natural")),
        sa.ForeignKeyConstraint(
            ["doctor_id"], ["doctors.id"], name=op.f("fk_slots_doctor_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slots")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_slots_free",
        "slots",
        ["doctor_id", "starts_at"],
        unique=False,
        postgresql_where=sa.text("state = 'OPEN'"),
        sqlite_where=sa.text("state = 'OPEN'"),
    )
    op.create_index(
        "ix_slots_lapsing",
        "slots",
        ["hold_until"],
        unique=False,
        postgresql_where=sa.text("state = 'HELD'"),
        sqlite_where=sa.text("state = 'HELD'"),
    )
    op.create_index(op.f("ix_slots_starts_at_id"), "slots", ["starts_at", "id"], unique=False)
    op.create_index(
        "one_slot_per_doctor_and_start",
        "slots",
        ["doctor_id", "starts_at"],
        unique=True,
        postgresql_where=sa.text("state <> 'BLOCKED'"),
        sqlite_where=sa.text("state <> 'BLOCKED'"),
    )

    op.create_table(
        "booking_slots",
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("slot_id", BIG, nullable=False),
        sa.Column("fence", BIG, nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["booking_id"], ["bookings.id"], name=op.f("fk_booking_slots_booking_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["slot_id"], ["slots.id"], name=op.f("fk_booking_slots_slot_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("booking_id", "slot_id", "fence", name=op.f("pk_booking_slots")),
    )
    op.create_index("one_booking_per_fence", "booking_slots", ["slot_id", "fence"], unique=True)
    op.create_index(
        "one_live_booking_per_slot",
        "booking_slots",
        ["slot_id"],
        unique=True,
        postgresql_where=sa.text("live"),
        sqlite_where=sa.text("live"),
    )

    op.create_table(
        "notices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", INSTANT, nullable=False),
        sa.Column("claimed_until", INSTANT, nullable=True),
        sa.Column("last_error", sa.String(length=300), nullable=True),
        sa.Column("sent_at", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "status IN ('QUEUED','SENT','SKIPPED','FAILED')", name=op.f("ck_notices_status_is_known")
        ),
        sa.ForeignKeyConstraint(
            ["booking_id"], ["bookings.id"], name=op.f("fk_notices_booking_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
    )
    op.create_index(
        "ix_notices_due",
        "notices",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("status = 'QUEUED'"),
        sqlite_where=sa.text("status = 'QUEUED'"),
    )
    op.create_index("one_notice_per_change", "notices", ["booking_id", "kind", "sequence"], unique=True)
    _forbid_overlap()


def _forbid_overlap() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
        op.execute(NO_OVERLAP_IN_POSTGRESQL)
        return
    for event in ("INSERT", "UPDATE"):
        op.execute(NO_OVERLAP_IN_SQLITE.format(event=event))


def downgrade() -> None:
    for table in (
        "notices",
        "booking_slots",
        "slots",
        "sessions",
        "bookings",
        "users",
        "streams",
        "server_nodes",
        "patients",
        "outbox",
        "leader_terms",
        "leader_state",
        "idempotency",
        "doctors",
        "audit",
    ):
        op.drop_table(table)
