"""Bookings are counted as they change, by triggers that only add rows."""

import sqlalchemy as sa
from alembic import op

revision = "0100_booking_counts"
down_revision = "0073_saved_views"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# A batch of bookings is one INSERT and adds one row: a trigger per statement. Most updates change no status:
# a trigger per row, whose WHEN costs next to nothing then.
FUNCTIONS_IN_POSTGRESQL = (
    """
    CREATE FUNCTION oneslot_count_new_bookings() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO booking_counts (status, amount) SELECT status, count(*) FROM added GROUP BY status;
      RETURN NULL;
    END $$""",
    """
    CREATE FUNCTION oneslot_count_changed_booking() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO booking_counts (status, amount) VALUES (OLD.status, -1), (NEW.status, 1);
      RETURN NULL;
    END $$""",
    """
    CREATE FUNCTION oneslot_count_gone_booking() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO booking_counts (status, amount) VALUES (OLD.status, -1);
      RETURN NULL;
    END $$""",
)
TRIGGERS_IN_POSTGRESQL = (
    """
    CREATE TRIGGER bookings_are_counted_new AFTER INSERT ON bookings REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION oneslot_count_new_bookings()""",
    """
    CREATE TRIGGER bookings_are_counted_changed AFTER UPDATE OF status ON bookings
    FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION oneslot_count_changed_booking()""",
    """
    CREATE TRIGGER bookings_are_counted_gone AFTER DELETE ON bookings
    FOR EACH ROW EXECUTE FUNCTION oneslot_count_gone_booking()""",
)
# One writer at a time: a statement of many rows gains nothing from one row here.
TRIGGERS_IN_SQLITE = (
    """
    CREATE TRIGGER bookings_are_counted_new AFTER INSERT ON bookings
    BEGIN INSERT INTO booking_counts (status, amount) VALUES (NEW.status, 1); END""",
    """
    CREATE TRIGGER bookings_are_counted_changed AFTER UPDATE OF status ON bookings
    WHEN OLD.status <> NEW.status
    BEGIN INSERT INTO booking_counts (status, amount) VALUES (OLD.status, -1), (NEW.status, 1); END""",
    """
    CREATE TRIGGER bookings_are_counted_gone AFTER DELETE ON bookings
    BEGIN INSERT INTO booking_counts (status, amount) VALUES (OLD.status, -1); END""",
)
HAS_DEADLINE = sa.text("expires_at IS NOT NULL")
# Rows come and go while a table of this size would hardly ever be vacuumed by its share of dead ones.
VACUUM_OFTEN = """
    ALTER TABLE booking_counts
    SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)"""


def upgrade() -> None:
    is_postgres = op.get_bind().dialect.name == "postgresql"
    op.create_table(
        "booking_counts",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("amount", BIG, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_booking_counts")),
    )
    op.create_index(
        "ix_bookings_lapsing",
        "bookings",
        ["expires_at"],
        postgresql_where=HAS_DEADLINE,
        sqlite_where=HAS_DEADLINE,
    )
    statements = (*FUNCTIONS_IN_POSTGRESQL, *TRIGGERS_IN_POSTGRESQL, VACUUM_OFTEN)
    for statement in statements if is_postgres else TRIGGERS_IN_SQLITE:
        op.execute(statement)
    # After the triggers: making them waits for whoever is writing, and keeps others out until the commit.
    op.execute(
        "INSERT INTO booking_counts (status, amount) SELECT status, count(*) FROM bookings GROUP BY status"
    )


def downgrade() -> None:
    is_postgres = op.get_bind().dialect.name == "postgresql"
    for kind in ("new", "changed", "gone"):
        op.execute(f"DROP TRIGGER bookings_are_counted_{kind}" + (" ON bookings" if is_postgres else ""))
    for what in ("new_bookings", "changed_booking", "gone_booking") if is_postgres else ():
        op.execute(f"DROP FUNCTION oneslot_count_{what}()")
    op.drop_index("ix_bookings_lapsing", "bookings")
    op.drop_table("booking_counts")
