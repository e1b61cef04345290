"""Who put a patient on file: staff of some doctors sees theirs and those it entered."""

import sqlalchemy as sa
from alembic import op

revision = "0061_patients_of"
down_revision = "0082_reminder_choices"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("patients", sa.Column("created_by", sa.String(length=64), nullable=True))


def downgrade() -> None:
    op.drop_column("patients", "created_by")
