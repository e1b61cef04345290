"""How often a time could not be had."""

import sqlalchemy as sa
from alembic import op

from app.database import UtcDateTime

revision = "0072_refusal_tallies"
down_revision = "0071_profiles"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "refusal_tallies",
        sa.Column("hour", UtcDateTime(), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("count", BIG, nullable=False),
        sa.PrimaryKeyConstraint("hour", "reason", name=op.f("pk_refusal_tallies")),
    )


def downgrade() -> None:
    op.drop_table("refusal_tallies")
