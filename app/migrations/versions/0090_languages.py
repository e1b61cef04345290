"""In which language somebody reads: of an account, a booking, a place in line. None: as the clinic."""

import sqlalchemy as sa
from alembic import op

revision = "0090_languages"
down_revision = "0072_refusal_tallies"
branch_labels = None
depends_on = None

TABLES = ("users", "bookings", "waitlist")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("language", sa.String(length=8), nullable=True))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "language")
