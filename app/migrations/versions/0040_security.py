"""Browser sessions, second factors, staff of some doctors, limits, the audit's chain, row-level security."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from app.database import UtcDateTime

revision = "0040_security"
down_revision = "0021_status_board"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = UtcDateTime()
NEW_TABLES = (
    "staff_doctors", "recovery_codes", "account_mails", "attempts", "audit_chain", "audit_anchors",
)  # fmt: skip
APPEND_ONLY = ("audit", "audit_chain", "audit_anchors")
#: The role of the nodes, where an administrator has made one: it may write but not change tables.
APP_ROLE = "oneslot_app"

POSTGRES_APPEND_ONLY = """
CREATE FUNCTION oneslot_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$
"""
POSTGRES_TRIGGER = """
CREATE TRIGGER {table}_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION oneslot_append_only()
"""
SQLITE_TRIGGER = """
CREATE TRIGGER {table}_refuses_{event} BEFORE {event} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END
"""
# The second wall: whoever reads for a person says for whom (oneslot.wall is on), and what is not theirs
# is not there, whatever the query forgot. Work of the system itself reads past it.
WALL = """
CREATE POLICY one_sees_ones_own ON bookings USING (
  coalesce(current_setting('oneslot.wall', true), '') <> 'on'
  OR user_id = nullif(current_setting('oneslot.user', true), '')::uuid
  OR id = nullif(current_setting('oneslot.booking', true), '')::uuid
  OR current_setting('oneslot.doctors', true) = '*'
  OR doctor_id::text = ANY (string_to_array(current_setting('oneslot.doctors', true), ','))
)
"""
GRANTS = """
GRANT USAGE ON SCHEMA public TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO {role};
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role};
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO {role};
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {role};
"""


def _new_columns() -> dict[str, list[sa.Column[Any]]]:
    no = sa.false()
    return {
        "users": [
            sa.Column("all_doctors", sa.Boolean(), nullable=False, server_default=no),
            sa.Column("limit_factor", sa.Integer(), nullable=False, server_default="1"),
            sa.Column("totp_secret", sa.Text(), nullable=True),
            sa.Column("totp_since", INSTANT, nullable=True),
            sa.Column("totp_last_step", BIG, nullable=True),
            sa.Column("password_changed_at", INSTANT, nullable=True),
            sa.Column("erased_at", INSTANT, nullable=True),
        ],
        "sessions": [
            sa.Column("token_hash", sa.String(length=64), nullable=True),
            sa.Column("awaits_code", sa.Boolean(), nullable=False, server_default=no),
            sa.Column("is_strong", sa.Boolean(), nullable=False, server_default=no),
            sa.Column("device", sa.String(length=80), nullable=True),
            sa.Column("last_seen_at", INSTANT, nullable=True),
        ],
        "bookings": [sa.Column("origin", sa.String(length=32), nullable=True)],
        "audit": [
            sa.Column("origin", sa.String(length=32), nullable=True),
            sa.Column("purpose", sa.String(length=200), nullable=True),
        ],
    }


def upgrade() -> None:
    # Both databases add a column with a constant default without rewriting the table.
    for table, columns in _new_columns().items():
        for column in columns:
            op.add_column(table, column)
    with op.batch_alter_table("users") as users:
        users.create_check_constraint(
            op.f("ck_users_limits_stay_limits"), "limit_factor BETWEEN 1 AND 100000"
        )
    # Until now everybody at the front desk saw every doctor's bookings; nobody loses that by an upgrade.
    op.execute("UPDATE users SET all_doctors = true WHERE role IN ('staff', 'admin')")
    _create_account_tables()
    _create_audit_tables()
    _create_indexes()
    _close_the_audit()
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE bookings ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE bookings FORCE ROW LEVEL SECURITY")
        op.execute(WALL)
        _grant_to_app()


def downgrade() -> None:
    is_postgres = op.get_bind().dialect.name == "postgresql"
    if is_postgres:
        op.execute("DROP POLICY one_sees_ones_own ON bookings")
        op.execute("ALTER TABLE bookings NO FORCE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE bookings DISABLE ROW LEVEL SECURITY")
        for table in APPEND_ONLY:
            op.execute(f"DROP TRIGGER {table}_is_append_only ON {table}")
        op.execute("DROP FUNCTION oneslot_append_only()")
    else:
        for event in ("UPDATE", "DELETE"):
            op.execute(f"DROP TRIGGER audit_refuses_{event}")
    op.drop_index("one_session_per_token", "sessions")
    op.drop_index("ix_bookings_holds_of_user", "bookings")
    op.drop_index("ix_bookings_holds_of_origin", "bookings")
    op.drop_index("ix_bookings_origin", "bookings")
    for table in reversed(NEW_TABLES):
        op.drop_table(table)
    with op.batch_alter_table("users") as users:
        users.drop_constraint(op.f("ck_users_limits_stay_limits"), type_="check")
    for table, columns in _new_columns().items():
        for column in columns:
            op.drop_column(table, column.name)


def _create_account_tables() -> None:
    op.create_table(
        "staff_doctors",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("doctor_id", BIG, nullable=False),
        _of_user("staff_doctors"),
        sa.ForeignKeyConstraint(
            ["doctor_id"], ["doctors.id"], name=op.f("fk_staff_doctors_doctor_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "doctor_id", name=op.f("pk_staff_doctors")),
    )
    op.create_index(op.f("ix_staff_doctors_doctor_id"), "staff_doctors", ["doctor_id"])
    op.create_table(
        "recovery_codes",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("used_at", INSTANT, nullable=True),
        _of_user("recovery_codes"),
        sa.PrimaryKeyConstraint("user_id", "code_hash", name=op.f("pk_recovery_codes")),
    )
    op.create_table(
        "account_mails",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", INSTANT, nullable=False),
        sa.Column("sent_at", INSTANT, nullable=True),
        sa.Column("used_at", INSTANT, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.CheckConstraint("kind IN ('reset','changed')", name=op.f("ck_account_mails_kind_is_known")),
        _of_user("account_mails"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_mails")),
    )
    op.create_index(op.f("ix_account_mails_user_id"), "account_mails", ["user_id"])
    op.create_table(
        "attempts",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("since", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_attempts")),
    )
    op.create_index(op.f("ix_attempts_since"), "attempts", ["since"])


def _of_user(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["user_id"], ["users.id"], name=op.f(f"fk_{table}_user_id"), ondelete="CASCADE"
    )


def _create_audit_tables() -> None:
    op.create_table(
        "audit_chain",
        sa.Column("node", sa.String(length=40), nullable=False),
        sa.Column("seq", BIG, nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.String(length=8), nullable=False),
        sa.Column("linked_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("node", "seq", name=op.f("pk_audit_chain")),
    )
    op.create_index("one_link_per_entry", "audit_chain", ["entry_id"], unique=True)
    op.create_table(
        "audit_anchors",
        sa.Column("node", sa.String(length=40), nullable=False),
        sa.Column("seq", BIG, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("noted_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("node", "seq", name=op.f("pk_audit_anchors")),
    )


def _create_indexes() -> None:
    op.create_index("one_session_per_token", "sessions", ["token_hash"], unique=True)
    for name, table, columns, condition in (
        ("ix_account_mails_due", "account_mails", ["next_attempt_at"], "sent_at IS NULL"),
        ("ix_bookings_holds_of_user", "bookings", ["user_id"], "status = 'PENDING'"),
        (
            "ix_bookings_holds_of_origin",
            "bookings",
            ["origin"],
            "status = 'PENDING' AND origin IS NOT NULL",
        ),
        ("ix_bookings_origin", "bookings", ["origin", "created_at"], "origin IS NOT NULL"),
    ):
        where = sa.text(condition)
        op.create_index(name, table, columns, postgresql_where=where, sqlite_where=where)


def _close_the_audit() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(POSTGRES_APPEND_ONLY)
        for table in APPEND_ONLY:
            op.execute(POSTGRES_TRIGGER.format(table=table))
        return
    for table in APPEND_ONLY:
        for event in ("UPDATE", "DELETE"):
            op.execute(SQLITE_TRIGGER.format(table=table, event=event))


def _grant_to_app() -> None:
    """A platform with one role for everything keeps the triggers alone."""
    known = op.get_bind().execute(sa.text("SELECT 1 FROM pg_roles WHERE rolname = :r"), {"r": APP_ROLE})
    if known.first() is None:
        return
    for statement in GRANTS.format(role=APP_ROLE).split(";"):
        if statement.strip():
            op.execute(statement)
    for table in APPEND_ONLY:
        op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {APP_ROLE}")
