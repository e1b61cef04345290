"""Alembic revisions; the same ones on PostgreSQL and SQLite."""
