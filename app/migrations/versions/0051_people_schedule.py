"""Opening hours, the waitlist, reminders, and an index to count bookings by the day they are on."""

import sqlalchemy as sa
from alembic import op

from app.database import UtcDateTime

revision = "0051_people_schedule"
down_revision = "0050_people"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = UtcDateTime()


def upgrade() -> None:
    op.create_table(
        "opening_hours",
        sa.Column("doctor_id", BIG, nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("opens_minute", sa.Integer(), nullable=False),
        sa.Column("closes_minute", sa.Integer(), nullable=False),
        sa.Column("duration_minutes", sa.Integer(), nullable=False),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name=op.f("ck_opening_hours_weekday_is_known")),
        sa.CheckConstraint(
            "opens_minute >= 0 AND opens_minute < closes_minute AND closes_minute <= 1440",
            name=op.f("ck_opening_hours_opens_before_it_closes"),
        ),
        sa.CheckConstraint(
            "duration_minutes BETWEEN 5 AND 480", name=op.f("ck_opening_hours_duration_is_plausible")
        ),
        sa.ForeignKeyConstraint(
            ["doctor_id"], ["doctors.id"], name=op.f("fk_opening_hours_doctor_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("doctor_id", "weekday", "opens_minute", name=op.f("pk_opening_hours")),
    )
    op.create_table(
        "waitlist",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("doctor_id", BIG, nullable=False),
        sa.Column("starts_from", INSTANT, nullable=False),
        sa.Column("starts_before", INSTANT, nullable=False),
        sa.Column("patient_name", sa.String(length=100), nullable=False),
        sa.Column("patient_email", sa.String(length=254), nullable=False),
        sa.Column("patient_phone", sa.String(length=40), nullable=True),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=True),
        sa.Column("offers", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "status IN ('WAITING','OFFERED','BOOKED','LEFT')", name=op.f("ck_waitlist_status_is_known")
        ),
        sa.CheckConstraint(
            "(status = 'OFFERED') = (offer_id IS NOT NULL)", name=op.f("ck_waitlist_offer_while_offered")
        ),
        sa.CheckConstraint("starts_before > starts_from", name=op.f("ck_waitlist_ends_after_start")),
        sa.ForeignKeyConstraint(
            ["doctor_id"], ["doctors.id"], name=op.f("fk_waitlist_doctor_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["offer_id"], ["bookings.id"], name=op.f("fk_waitlist_offer_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waitlist")),
    )
    waiting = sa.text("status = 'WAITING'")
    op.create_index(
        "ix_waitlist_line", "waitlist", ["doctor_id", "created_at", "id"],
        postgresql_where=waiting, sqlite_where=waiting,
    )  # fmt: skip
    op.create_index("one_entry_per_offer", "waitlist", ["offer_id"], unique=True)
    op.create_index(op.f("ix_bookings_starts_at"), "bookings", ["starts_at"])
    with op.batch_alter_table("bookings") as bookings:
        bookings.add_column(sa.Column("reminder_hours", sa.Integer(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("bookings") as bookings:
        bookings.drop_column("reminder_hours")
    op.drop_index(op.f("ix_bookings_starts_at"), "bookings")
    op.drop_table("waitlist")
    op.drop_table("opening_hours")
