"""The role of the nodes writes rows and cannot touch tables, nor what the audit holds (attack 33)."""

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from worker.stack.postgres import NODE_ROLE

ENTRY = (
    "INSERT INTO audit (id, at, node, actor, action, lamport, vector_clock, hybrid_clock, detail)"
    " VALUES (gen_random_uuid(), now(), 'node-1', 'x', 'y', 0, '{}', 0, '{}')"
)


@pytest.fixture
def node(postgres_server, postgres_url):
    name = postgres_url.rpartition("/")[2]
    with psycopg.connect(postgres_server.url(name, NODE_ROLE), autocommit=True) as connection:
        yield connection


def test_it_writes_and_reads_the_audit(node):
    node.execute(ENTRY)

    assert node.execute("SELECT count(*) FROM audit").fetchone() == (1,)


@pytest.mark.parametrize("table", ["audit", "audit_chain", "audit_anchors"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {} SET node = 'x'",
        "DELETE FROM {}",
        "TRUNCATE {}",
        "ALTER TABLE {} DISABLE TRIGGER ALL",
        "DROP TABLE {}",
        "DROP TRIGGER {}_is_append_only ON {}",
    ],
)
def test_it_can_neither_change_the_audit_nor_switch_its_guards_off(node, table, statement):
    with pytest.raises(InsufficientPrivilege):
        node.execute(statement.replace("{}", table))


def test_it_cannot_take_the_second_wall_down(node):
    with pytest.raises(InsufficientPrivilege):
        node.execute("ALTER TABLE bookings DISABLE ROW LEVEL SECURITY")


def test_it_may_write_to_every_other_table(node):
    closed = {"audit", "audit_chain", "audit_anchors", "alembic_version"}
    tables = {row[0] for row in node.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}

    shut = {
        table
        for table in tables - closed
        for right in ("SELECT", "INSERT", "UPDATE", "DELETE")
        if not node.execute("SELECT has_table_privilege(%s, %s)", [table, right]).fetchone()[0]
    }

    assert len(tables) > 20
    assert shut == set()
