"""Movies, halls and showtimes; a seat at a showtime is a slot."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from app.database import UtcDateTime

revision = "0030_seats"
down_revision = "0020_replication"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = UtcDateTime()
OF_A_DOCTOR = "doctor_id IS NOT NULL"
EITHER = "(doctor_id IS NULL) <> (showtime_id IS NULL)"
SEAT_IS_WHOLE = (
    "showtime_id IS NULL OR (seat_row IS NOT NULL AND seat_number IS NOT NULL AND seat_y IS NOT NULL"
    " AND seat_x IS NOT NULL AND seat_zone IS NOT NULL AND seat_kind IS NOT NULL"
    " AND seat_kind IN ('standard','wheelchair','companion') AND price_cents IS NOT NULL"
    " AND price_cents >= 0 AND NOT is_interval)"
)
SEAT_COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "seat_row": sa.String(4),
    "seat_number": sa.Integer(),
    "seat_y": sa.Integer(),
    "seat_x": sa.Integer(),
    "seat_zone": sa.String(40),
    "seat_kind": sa.String(12),
    "price_cents": sa.Integer(),
}
#: Name, columns, is it unique, and what was its condition before seats were slots.
INDEXES_OF_TIMES = (
    ("one_slot_per_doctor_and_start", ("doctor_id", "starts_at"), True, "state <> 'BLOCKED'"),
    ("ix_slots_free", ("doctor_id", "starts_at"), False, "state = 'OPEN'"),
    ("ix_slots_starts_at_id", ("starts_at", "id"), False, None),
)

NO_OVERLAP_OF_SLOTS = """
ALTER TABLE slots ADD CONSTRAINT no_overlapping_slots
EXCLUDE USING gist (doctor_id WITH =, tstzrange(starts_at, ends_at) WITH &&) WHERE ({condition})
"""
NO_OVERLAP_OF_SHOWTIMES = """
ALTER TABLE showtimes ADD CONSTRAINT no_overlapping_showtimes
EXCLUDE USING gist (hall_id WITH =, tstzrange(starts_at, ends_at) WITH &&)
"""
# What does not overlap ends in the order in which it starts: the last to start before the new one ends
# is the last to end, and looking at that one alone is enough.
SLOT_TRIGGER = """
CREATE TRIGGER no_overlapping_slots_{event} BEFORE {event} ON slots WHEN {condition}
BEGIN
  SELECT RAISE(ABORT, 'no_overlapping_slots') FROM (
    SELECT ends_at FROM slots WHERE doctor_id = NEW.doctor_id AND state <> 'BLOCKED'
      AND id IS NOT NEW.id AND starts_at < NEW.ends_at ORDER BY starts_at DESC LIMIT 1
  ) WHERE ends_at > NEW.starts_at;
END
"""
SHOWTIME_TRIGGER = """
CREATE TRIGGER no_overlapping_showtimes_{event} BEFORE {event} ON showtimes
BEGIN
  SELECT RAISE(ABORT, 'no_overlapping_showtimes') FROM (
    SELECT ends_at FROM showtimes WHERE hall_id = NEW.hall_id
      AND id IS NOT NEW.id AND starts_at < NEW.ends_at ORDER BY starts_at DESC LIMIT 1
  ) WHERE ends_at > NEW.starts_at;
END
"""


def upgrade() -> None:
    _create_cinema()
    _drop_indexes_of_times()
    with op.batch_alter_table("slots", table_kwargs={"sqlite_autoincrement": True}) as slots:
        slots.alter_column("doctor_id", existing_type=BIG, nullable=True)
        slots.add_column(sa.Column("showtime_id", BIG, nullable=True))
        for name, kind in SEAT_COLUMNS.items():
            slots.add_column(sa.Column(name, kind, nullable=True))
        slots.create_foreign_key(
            op.f("fk_slots_showtime_id"), "showtimes", ["showtime_id"], ["id"], ondelete="RESTRICT"
        )
        slots.create_check_constraint(op.f("ck_slots_of_a_doctor_or_a_showtime"), EITHER)
        slots.create_check_constraint(op.f("ck_slots_seat_is_whole"), SEAT_IS_WHOLE)
    with op.batch_alter_table("bookings") as bookings:
        bookings.alter_column("doctor_id", existing_type=BIG, nullable=True)
        bookings.add_column(sa.Column("showtime_id", BIG, nullable=True))
        bookings.create_foreign_key(
            op.f("fk_bookings_showtime_id"), "showtimes", ["showtime_id"], ["id"], ondelete="RESTRICT"
        )
        bookings.create_check_constraint(op.f("ck_bookings_of_a_doctor_or_a_showtime"), EITHER)
    op.create_index(op.f("ix_bookings_showtime_id_status"), "bookings", ["showtime_id", "status"])
    with op.batch_alter_table("booking_slots") as claims:
        claims.add_column(sa.Column("left_behind", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("booking_slots") as claims:
        claims.alter_column("left_behind", existing_type=sa.Boolean(), server_default=None)
    _create_indexes_of_times(OF_A_DOCTOR)
    of_seats = sa.text("showtime_id IS NOT NULL")
    op.create_index(
        "one_slot_per_seat", "slots", ["showtime_id", "seat_row", "seat_number"], unique=True,
        postgresql_where=of_seats, sqlite_where=of_seats,
    )  # fmt: skip
    _forbid_overlap_of_slots("state <> 'BLOCKED' AND doctor_id IS NOT NULL")
    _forbid_overlap_of_showtimes()


def downgrade() -> None:
    """Seats and what was booked of them go with their tables."""
    _erase_seats()
    op.drop_index("one_slot_per_seat", "slots")
    op.drop_index("ix_bookings_showtime_id_status", "bookings")
    _drop_indexes_of_times()
    with op.batch_alter_table("slots", table_kwargs={"sqlite_autoincrement": True}) as slots:
        slots.drop_constraint(op.f("ck_slots_seat_is_whole"), type_="check")
        slots.drop_constraint(op.f("ck_slots_of_a_doctor_or_a_showtime"), type_="check")
        slots.drop_constraint(op.f("fk_slots_showtime_id"), type_="foreignkey")
        for name in ("showtime_id", *SEAT_COLUMNS):
            slots.drop_column(name)
        slots.alter_column("doctor_id", existing_type=BIG, nullable=False)
    with op.batch_alter_table("bookings") as bookings:
        bookings.drop_constraint(op.f("ck_bookings_of_a_doctor_or_a_showtime"), type_="check")
        bookings.drop_constraint(op.f("fk_bookings_showtime_id"), type_="foreignkey")
        bookings.drop_column("showtime_id")
        bookings.alter_column("doctor_id", existing_type=BIG, nullable=False)
    with op.batch_alter_table("booking_slots") as claims:
        claims.drop_column("left_behind")
    _create_indexes_of_times(None)
    _forbid_overlap_of_slots("state <> 'BLOCKED'")
    for table in ("showtimes", "halls", "movies"):
        op.drop_table(table)


def _create_cinema() -> None:
    op.create_table(
        "movies",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("rating", sa.String(length=20), nullable=False),
        sa.Column("genre", sa.String(length=60), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("poster_seed", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("updated_at", INSTANT, nullable=False),
        sa.CheckConstraint("minutes BETWEEN 1 AND 600", name=op.f("ck_movies_length_is_plausible")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_movies")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_movies_title_id"), "movies", ["title", "id"])
    op.create_table(
        "halls",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("place", sa.String(length=200), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("layout", sa.JSON(), nullable=False),
        sa.Column("seat_count", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.CheckConstraint("seat_count > 0", name=op.f("ck_halls_has_seats")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_halls")),
        sqlite_autoincrement=True,
    )
    op.create_index("one_hall_per_name", "halls", ["place", "name"], unique=True)
    op.create_table(
        "showtimes",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("movie_id", BIG, nullable=False),
        sa.Column("hall_id", BIG, nullable=False),
        sa.Column("starts_at", INSTANT, nullable=False),
        sa.Column("ends_at", INSTANT, nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_showtimes_ends_after_start")),
        sa.ForeignKeyConstraint(
            ["movie_id"], ["movies.id"], name=op.f("fk_showtimes_movie_id"), ondelete="RESTRICT"
        ),
        sa.ForeignKeyConstraint(
            ["hall_id"], ["halls.id"], name=op.f("fk_showtimes_hall_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_showtimes")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_showtimes_movie_id_starts_at"), "showtimes", ["movie_id", "starts_at"])
    op.create_index("one_showtime_per_hall_and_start", "showtimes", ["hall_id", "starts_at"], unique=True)


def _drop_indexes_of_times() -> None:
    for name, *_ in INDEXES_OF_TIMES:
        op.drop_index(name, "slots")


def _create_indexes_of_times(and_also: str | None) -> None:
    for name, columns, is_unique, condition in INDEXES_OF_TIMES:
        both = " AND ".join(filter(None, (condition, and_also)))
        where = sa.text(both) if both else None
        op.create_index(
            name, "slots", list(columns), unique=is_unique, postgresql_where=where, sqlite_where=where
        )


def _forbid_overlap_of_slots(condition: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE slots DROP CONSTRAINT no_overlapping_slots")
        op.execute(NO_OVERLAP_OF_SLOTS.format(condition=condition))
        return
    # SQLite dropped the triggers together with the table that was replaced.
    of_new = condition.replace("state", "NEW.state").replace("doctor_id", "NEW.doctor_id")
    for event in ("INSERT", "UPDATE"):
        op.execute(SLOT_TRIGGER.format(event=event, condition=of_new))


def _forbid_overlap_of_showtimes() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(NO_OVERLAP_OF_SHOWTIMES)
        return
    for event in ("INSERT", "UPDATE"):
        op.execute(SHOWTIME_TRIGGER.format(event=event))


def _erase_seats() -> None:
    for statement in (
        "DELETE FROM notices WHERE booking_id IN (SELECT id FROM bookings WHERE showtime_id IS NOT NULL)",
        "DELETE FROM booking_slots WHERE slot_id IN (SELECT id FROM slots WHERE showtime_id IS NOT NULL)",
        "DELETE FROM bookings WHERE showtime_id IS NOT NULL",
        "DELETE FROM slots WHERE showtime_id IS NOT NULL",
    ):
        op.execute(statement)
