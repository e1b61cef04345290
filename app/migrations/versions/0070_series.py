"""Appointments that repeat, and notices about several bookings."""

import sqlalchemy as sa
from alembic import op

from app.database import UtcDateTime

revision = "0070_series"
down_revision = "0051_people_schedule"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "series",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("doctor_id", BIG, nullable=False),
        sa.Column("rule", sa.String(length=120), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("first_starts_at", UtcDateTime(), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["doctor_id"], ["doctors.id"], name=op.f("fk_series_doctor_id"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_series")),
    )
    with op.batch_alter_table("bookings") as bookings:
        bookings.add_column(sa.Column("series_id", sa.Uuid(), nullable=True))
        bookings.create_foreign_key(
            op.f("fk_bookings_series_id"), "series", ["series_id"], ["id"], ondelete="RESTRICT"
        )
    part = sa.text("series_id IS NOT NULL")
    op.create_index(
        "ix_bookings_of_series", "bookings", ["series_id", "starts_at"],
        postgresql_where=part, sqlite_where=part,
    )  # fmt: skip
    with op.batch_alter_table("notices") as notices:
        notices.add_column(sa.Column("about", sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("notices") as notices:
        notices.drop_column("about")
    op.drop_index("ix_bookings_of_series", "bookings")
    with op.batch_alter_table("bookings") as bookings:
        bookings.drop_constraint(op.f("fk_bookings_series_id"), type_="foreignkey")
        bookings.drop_column("series_id")
    op.drop_table("series")
