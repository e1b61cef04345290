"""What somebody chooses for themselves, and for whom else they book."""

import sqlalchemy as sa
from alembic import op

from app.database import UtcDateTime

revision = "0071_profiles"
down_revision = "0061_patients_of"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dependants",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_dependants_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dependants")),
    )
    op.create_index(op.f("ix_dependants_user_id"), "dependants", ["user_id"])
    op.add_column("users", sa.Column("timezone", sa.String(length=64), nullable=True))
    op.add_column("users", sa.Column("reminder_hours", sa.Integer(), nullable=True))
    with op.batch_alter_table("bookings") as bookings:
        bookings.add_column(sa.Column("dependant_id", sa.Uuid(), nullable=True))
        bookings.create_foreign_key(
            op.f("fk_bookings_dependant_id"), "dependants", ["dependant_id"], ["id"], ondelete="SET NULL"
        )


def downgrade() -> None:
    with op.batch_alter_table("bookings") as bookings:
        bookings.drop_constraint(op.f("fk_bookings_dependant_id"), type_="foreignkey")
        bookings.drop_column("dependant_id")
    with op.batch_alter_table("users") as users:
        users.drop_column("reminder_hours")
        users.drop_column("timezone")
    op.drop_table("dependants")
