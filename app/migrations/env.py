"""Runs the revisions in one transaction, one process at a time."""

from alembic import context
from sqlalchemy import create_engine, text

from app.tables import metadata

ONE_MIGRATION_AT_A_TIME = 7_041_523  # any number, used by nobody else, as the advisory lock


def run() -> None:
    engine = create_engine(context.config.attributes["database_url"])
    engine.dialect.keyring = context.config.attributes.get("keyring")  # type: ignore[attr-defined]
    with engine.connect() as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        if is_sqlite:
            connection.exec_driver_sql("PRAGMA busy_timeout=30000")
            connection.connection.isolation_level = None  # type: ignore[attr-defined]  # the driver's own
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(text("SELECT pg_advisory_xact_lock(:k)"), {"k": ONE_MIGRATION_AT_A_TIME})
        context.configure(connection=connection, target_metadata=metadata, render_as_batch=is_sqlite,
                          transaction_per_migration=False, compare_type=False)  # fmt: skip
        context.run_migrations()
        connection.commit()
    engine.dispose()


run()
