"""The cluster that runs itself: where nodes are called, what the operator set, what the nodes said."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from app.database import UtcDateTime

revision = "0010_cluster"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = UtcDateTime()


def _new_columns() -> dict[str, list[sa.Column[Any]]]:
    return {
        "server_nodes": [
            sa.Column("rpc_address", sa.String(length=200), nullable=True),
            sa.Column("machine", sa.String(length=200), nullable=False, server_default=""),
            sa.Column("weight", sa.Integer(), nullable=False, server_default="1"),
            sa.Column("draining", sa.Boolean(), nullable=False, server_default=sa.false()),
            sa.Column("lamport_last", BIG, nullable=False, server_default="0"),
            sa.Column("hybrid_last", BIG, nullable=False, server_default="0"),
        ],
        "leader_terms": [sa.Column("end_reason", sa.String(length=200), nullable=True)],
        "bookings": [sa.Column("hybrid_clock", BIG, nullable=False, server_default="0")],
        "audit": [
            sa.Column("vector_clock", sa.JSON(), nullable=False, server_default="{}"),
            sa.Column("hybrid_clock", BIG, nullable=False, server_default="0"),
        ],
    }


def upgrade() -> None:
    # Both databases add a column with a constant default without rewriting the table.
    for table, columns in _new_columns().items():
        for column in columns:
            op.add_column(table, column)
    op.create_table(
        "cluster_settings",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.Column("changed_by", sa.String(length=64), nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_cluster_settings")),
    )
    op.create_table(
        "cluster_log",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("noted_at", INSTANT, nullable=False),
        sa.Column("node", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("sender", sa.String(length=40), nullable=True),
        sa.Column("receiver", sa.String(length=40), nullable=True),
        sa.Column("election", sa.String(length=80), nullable=True),
        sa.Column("epoch", BIG, nullable=False),
        sa.Column("lamport", BIG, nullable=False),
        sa.Column("vector_clock", sa.JSON(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cluster_log")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_cluster_log_kind_id"), "cluster_log", ["kind", "id"], unique=False)


def downgrade() -> None:
    op.drop_table("cluster_log")
    op.drop_table("cluster_settings")
    for table, columns in _new_columns().items():
        for column in columns:
            op.drop_column(table, column.name)
