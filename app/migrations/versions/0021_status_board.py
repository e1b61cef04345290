"""The status board's copy in the database, and the log of values that lost."""

import sqlalchemy as sa
from alembic import op

from app.database import UtcDateTime

revision = "0021_status_board"
down_revision = "0030_seats"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "board_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("vector", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_board_state")),
    )
    op.create_table(
        "board_writes",
        sa.Column("origin", sa.String(length=60), nullable=False),
        sa.Column("counter", BIG, nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("notice", sa.String(length=64), nullable=False),
        sa.Column("field", sa.String(length=24), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("author", sa.String(length=120), nullable=False),
        sa.Column("node", sa.String(length=40), nullable=False),
        sa.Column("hybrid_clock", BIG, nullable=False),
        sa.Column("context", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("origin", "counter", name=op.f("pk_board_writes")),
    )
    op.create_index(
        op.f("ix_board_writes_kind_notice_field"), "board_writes", ["kind", "notice", "field"], unique=False
    )
    op.create_table(
        "conflict_log",
        sa.Column("origin", sa.String(length=60), nullable=False),
        sa.Column("counter", BIG, nullable=False),
        sa.Column("loser", sa.JSON(), nullable=False),
        sa.Column("winner", sa.JSON(), nullable=False),
        sa.Column("logged_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("origin", "counter", name=op.f("pk_conflict_log")),
    )


def downgrade() -> None:
    for table in ("conflict_log", "board_writes", "board_state"):
        op.drop_table(table)
