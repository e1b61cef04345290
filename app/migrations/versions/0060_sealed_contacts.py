"""Contact fields and second factors are sealed; what must be found by them gets a mark."""

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

from app.database import UtcDateTime
from app.sealed_columns import keyring_of
from app.sealing import is_sealed

revision = "0060_sealed_contacts"
down_revision = "0080_webhooks"
branch_labels = None
depends_on = None

AT_ONCE = 500
#: Of each table: the columns that are sealed with their purpose, and how they were declared.
SEALED: Mapping[str, Mapping[str, tuple[str, Any]]] = {
    "users": {"email": ("email", sa.String(254)), "totp_secret": ("totp", sa.Text())},
    "patients": {
        "email": ("email", sa.String(254)),
        "phone": ("phone", sa.String(40)),
        "contact": ("contact", sa.Text()),
    },
    "bookings": {"patient_email": ("email", sa.String(254)), "patient_phone": ("phone", sa.String(40))},
    "waitlist": {"patient_email": ("email", sa.String(254)), "patient_phone": ("phone", sa.String(40))},
}
#: Marks and the columns they are of; those that nobody may have twice.
MARKS: Mapping[str, Mapping[str, str]] = {
    "users": {"email_mark": "email"},
    "patients": {"email_mark": "email", "phone_mark": "phone"},
    "waitlist": {"email_mark": "patient_email"},
}
ONE_EACH = ("users", "patients")
MAY_LACK = {"phone_mark"}


def upgrade() -> None:
    op.create_table(
        "sealing_keys",
        sa.Column("id", sa.String(length=8), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sealing_keys")),
    )
    op.drop_index(op.f("ix_patients_name_email"), "patients")
    for table in SEALED:
        _make_room(table)
    for table in SEALED:
        _rewrite(table, sealing=True)
    for table, marks in MARKS.items():
        with op.batch_alter_table(table) as batch:
            for mark in marks:
                if mark not in MAY_LACK:
                    batch.alter_column(mark, existing_type=sa.String(length=32), nullable=False)
            if table in ONE_EACH:
                batch.create_unique_constraint(op.f(f"uq_{table}_email_mark"), ["email_mark"])
    op.create_index(op.f("ix_patients_name_id"), "patients", ["name", "id"])
    op.create_index(op.f("ix_patients_phone_mark"), "patients", ["phone_mark"])


def _make_room(table: str) -> None:
    with op.batch_alter_table(table) as batch:
        for name, (_, declared) in SEALED[table].items():
            if not isinstance(declared, sa.Text):
                batch.alter_column(name, existing_type=declared, type_=sa.Text())
        if table in ONE_EACH:
            batch.drop_constraint(op.f(f"uq_{table}_email"), type_="unique")
        for mark in MARKS.get(table, ()):
            batch.add_column(sa.Column(mark, sa.String(length=32), nullable=True))


def downgrade() -> None:
    op.drop_index(op.f("ix_patients_phone_mark"), "patients")
    op.drop_index(op.f("ix_patients_name_id"), "patients")
    for table in SEALED:
        _rewrite(table, sealing=False)
    for table, columns in SEALED.items():
        with op.batch_alter_table(table) as batch:
            if table in ONE_EACH:
                batch.drop_constraint(op.f(f"uq_{table}_email_mark"), type_="unique")
                batch.create_unique_constraint(op.f(f"uq_{table}_email"), ["email"])
            for mark in MARKS.get(table, ()):
                batch.drop_column(mark)
            for name, (_, declared) in columns.items():
                if not isinstance(declared, sa.Text):
                    batch.alter_column(name, existing_type=sa.Text(), type_=declared)
    op.create_index(op.f("ix_patients_name_email"), "patients", ["name", "email"])
    op.drop_table("sealing_keys")


def _rewrite(table: str, *, sealing: bool) -> None:
    """Seal what is clear, or open what is sealed; a table without rows needs no key."""
    connection = op.get_bind()
    columns, marks = SEALED[table], MARKS.get(table, {})
    rows = sa.table(table, sa.column("id"), *(sa.column(name) for name in (*columns, *marks)))
    for batch in _all_of(connection, rows, columns):
        keyring = keyring_of(connection.dialect)
        for row in batch:
            change = {}
            for name, (purpose, _) in columns.items():
                stored = getattr(row, name)
                if stored is None or is_sealed(stored) == sealing:
                    continue
                change[name] = (keyring.seal if sealing else keyring.open)(purpose, stored)
            if sealing:
                change |= {m: keyring.mark(columns[of][0], getattr(row, of)) for m, of in marks.items()}
            if change:
                connection.execute(sa.update(rows).where(rows.c.id == row.id).values(**change))


def _all_of(connection: sa.Connection, rows: sa.TableClause, columns: Mapping[str, Any]) -> Iterator[Any]:
    """Every row that has something in one of the columns, some at a time; ids only grow from page to page."""
    filled = sa.or_(*(rows.c[name].is_not(None) for name in columns))
    query = sa.select(rows.c.id, *(rows.c[name] for name in columns)).where(filled).order_by(rows.c.id)
    last = None
    while page := connection.execute(
        (query if last is None else query.where(rows.c.id > last)).limit(AT_ONCE)
    ).all():
        yield page
        last = page[-1].id
