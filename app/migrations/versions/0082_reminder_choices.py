"""By what each person is reminded."""

import sqlalchemy as sa
from alembic import op

from app.database import UtcDateTime

revision = "0082_reminder_choices"
down_revision = "0081_calendar_feeds"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reminder_choices",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.String(length=4), nullable=False),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "channel IN ('mail','sms','push')", name=op.f("ck_reminder_choices_channel_is_known")
        ),
        sa.CheckConstraint(
            "channel = 'mail' OR address IS NOT NULL", name=op.f("ck_reminder_choices_somewhere_to_send_to")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_reminder_choices_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_reminder_choices")),
    )


def downgrade() -> None:
    op.drop_table("reminder_choices")
