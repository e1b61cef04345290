"""Copies on every node: versions of doctors, and a stream for each of them."""

import sqlalchemy as sa
from alembic import op

revision = "0020_replication"
down_revision = "0010_cluster"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("doctors", sa.Column("version", BIG, nullable=False, server_default="1"))
    # A doctor without changes so far has no stream yet, and copies find doctors by their streams. Number 1
    # has no entry: whoever looks for it finds a gap and takes the whole stream from the tables.
    op.execute(
        "INSERT INTO streams (name, last_seq) SELECT 'doctor:' || id, 1 FROM doctors "
        "WHERE NOT EXISTS (SELECT 1 FROM streams WHERE name = 'doctor:' || doctors.id)"
    )


def downgrade() -> None:
    op.drop_column("doctors", "version")
