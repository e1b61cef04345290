"""The audit cannot be changed by the product, and a change by anybody else is found (N14; attack 33)."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.audit.anchor_files import append_anchors, read_anchors
from app.audit.chain import ChainKeys, Head, link_new
from app.database import Database
from tests.audit_desk import SECRET, audit_desk
from tests.keys import KEYRING


@pytest.fixture
def desk(database_url):
    database = Database(database_url, keyring=KEYRING)
    yield audit_desk(database)
    database.dispose()


def test_an_audit_nobody_touched_has_no_findings(desk):
    desk.write(5)
    desk.write(3, "node-2")
    desk.anchor(desk.link())

    report = desk.verify()

    assert report.findings == ()
    assert {(head.node, head.seq) for head in report.heads} == {("node-1", 5), ("node-2", 3)}
    assert report.entries == 8


@pytest.mark.parametrize("table", ["audit", "audit_chain", "audit_anchors"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET node = 'x'", "DELETE FROM {}"])
def test_the_product_cannot_change_what_is_written(desk, table, statement):
    desk.write(1)
    desk.anchor(desk.link())

    with pytest.raises(DBAPIError, match="append-only"), desk.database.transaction() as tx:
        tx.execute(text(statement.format(table)))

    assert desk.kinds() == []


def test_an_edited_entry_is_found(desk):
    desk.write(5)
    desk.link()

    desk.harm("UPDATE audit SET actor = 'x' WHERE id IN (SELECT entry_id FROM audit_chain WHERE seq = 3)")

    found = desk.verify().findings
    assert [(each.kind, each.seq) for each in found] == [("edited", 3)]


def test_a_removed_entry_is_found(desk):
    desk.write(5)
    desk.link()

    desk.harm("DELETE FROM audit WHERE id IN (SELECT entry_id FROM audit_chain WHERE seq = 2)")

    assert desk.kinds() == ["removed"]


def test_an_entry_removed_with_its_link_leaves_a_gap(desk):
    desk.write(5)
    desk.link()

    desk.harm("DELETE FROM audit WHERE id IN (SELECT entry_id FROM audit_chain WHERE seq = 2)")
    desk.harm("DELETE FROM audit_chain WHERE seq = 2")

    assert desk.kinds()[0] == "removed"


def test_a_tail_that_was_cut_off_is_found_by_an_anchor_of_the_database(desk):
    desk.write(5)
    desk.anchor(desk.link())

    desk.harm("DELETE FROM audit WHERE id IN (SELECT entry_id FROM audit_chain WHERE seq > 3)")
    desk.harm("DELETE FROM audit_chain WHERE seq > 3")

    assert desk.kinds() == ["cut"]


def test_who_removes_the_anchors_too_is_found_by_those_kept_elsewhere(desk, tmp_path):
    desk.write(5)
    append_anchors(tmp_path, desk.link(), "2030-01-01T00:00:00Z")
    (tmp_path / "anchors.jsonl").open("a").write('{"node": "node-1", "se')

    desk.harm("DELETE FROM audit WHERE id IN (SELECT entry_id FROM audit_chain WHERE seq > 3)")
    desk.harm("DELETE FROM audit_chain WHERE seq > 3")
    desk.harm("DELETE FROM audit_anchors")

    assert desk.kinds(tuple(read_anchors(tmp_path))) == ["cut"]


def test_a_chain_made_anew_without_the_secret_is_found(desk):
    desk.write(4)
    desk.link()
    desk.harm("DELETE FROM audit WHERE id IN (SELECT entry_id FROM audit_chain WHERE seq = 2)")
    desk.harm("DELETE FROM audit_chain")

    desk.database.run(lambda tx: link_new(tx, ChainKeys.of(["somebody else's secret"])))

    assert set(desk.kinds()) == {"unknown key"}


def test_a_chain_made_anew_with_the_secret_is_not_the_one_that_was_anchored(desk):
    desk.write(4)
    heads = desk.link()
    desk.harm("DELETE FROM audit WHERE id IN (SELECT entry_id FROM audit_chain WHERE seq = 2)")
    desk.harm("DELETE FROM audit_chain")
    desk.write(1)

    desk.link()

    assert "replaced" in desk.kinds(tuple(heads))


def test_an_entry_that_was_kept_out_of_the_chain_is_found(desk):
    desk.write(2)
    old = "'2020-01-01 00:00:00.000000'" if desk.database.is_sqlite else "now() - interval '1 day'"

    desk.harm(f"UPDATE audit SET at = {old}")

    assert desk.kinds() == ["unlinked"]


def test_a_rotated_secret_goes_on_with_the_same_chain(desk):
    desk.write(2)
    desk.link()
    desk.keys = ChainKeys.of(["t" * 40, SECRET])
    desk.write(2)

    desk.link()

    assert desk.kinds() == []


def test_linking_twice_changes_nothing(desk):
    desk.write(3)
    first = desk.link()

    assert desk.link() == []
    assert first == [Head("node-1", 3, first[0].hash)]
