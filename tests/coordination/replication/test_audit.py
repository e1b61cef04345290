"""The comparison with the database looks at what changed, leaves nothing out for ever, and is affordable."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import select, update

from app.clock import SystemClock
from app.coordination.replication import audit as audits
from app.coordination.replication import snapshot
from app.coordination.replication.audit import Audit
from app.tables import Slot
from tests.coordination.replication.conftest import Node, Site, state_of


@pytest.fixture
def node(site: Site) -> Node:
    """Five doctors with a slot each, all known here."""
    for number in range(5):
        site.slot(site.doctor(f"Dr {number} Probe"))
    site.beat()
    site.relay_everything()
    node = site.node()
    node.catch_up()
    return node


def test_a_small_copy_is_seen_whole_in_one_round(site: Site, node: Node) -> None:
    audit = Audit(site.database, node.replica, SystemClock(), pytest.fail)

    audit.run()

    assert audit.checked == 5
    assert audit.truth()["is_complete"]


def test_a_copy_too_large_for_a_round_is_seen_in_several(
    site: Site, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audits, "MOST_ROWS_AT_ONCE", 4)  # each doctor is two rows
    audit = Audit(site.database, node.replica, SystemClock(), pytest.fail)

    audit.run()
    first = audit.checked
    for _ in range(2):
        audit.run()

    assert first == 2
    assert audit.truth()["is_complete"]


def test_what_is_larger_than_a_round_is_looked_at_all_the_same(
    site: Site, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audits, "MOST_ROWS_AT_ONCE", 1)
    audit = Audit(site.database, node.replica, SystemClock(), pytest.fail)

    for _ in range(5):
        audit.run()

    assert audit.truth()["is_complete"]


@pytest.fixture
def audited(site):
    """A replica that has everything, its audit, what it was alarmed about, and the rows it reads."""
    doctor = site.doctor()
    slots = [site.slot(doctor, hours) for hours in (24, 25)]
    site.doctor("Dr Bob Probe")
    site.beat()
    site.relay_everything()
    node = site.node()
    node.catch_up()
    alarms: list[str] = []
    return node, Audit(site.database, node.replica, SystemClock(), alarms.append), alarms, (doctor, slots)


@pytest.fixture
def read_rows(monkeypatch):
    """How many rows were read from the database lately."""
    read: list[Any] = []
    rows = snapshot._rows

    def counted(*given):
        for row in rows(*given):
            read.append(row)
            yield row

    monkeypatch.setattr(snapshot, "_rows", counted)
    return read


def test_a_replica_that_equals_the_database_raises_no_alarm(audited):
    _, audit, alarms, _ = audited

    audit.run()

    assert alarms == []
    assert audit.truth()["is_complete"]
    assert audit.truth()["digest"] is not None
    assert audit.checked == 2


def test_streams_that_are_as_they_were_are_compared_and_not_read_again(audited, site, read_rows):
    _, audit, alarms, _ = audited
    audit.run()
    before = audit.truth()["streams"]
    read_rows.clear()

    for _ in range(3):
        audit.run()

    assert audit.truth()["streams"] == before
    assert audit.checked > 3
    assert alarms == []
    assert bool(read_rows) == site.database.is_sqlite


def test_a_row_that_was_changed_past_the_outbox_is_found_and_mended(audited, site):
    node, audit, alarms, (doctor, slots) = audited
    audit.run()
    with site.database.transaction() as tx:
        begins = tx.execute(select(Slot.starts_at).where(Slot.id == slots[0])).scalar_one()
        tx.execute(update(Slot).where(Slot.id == slots[0]).values(ends_at=begins + timedelta(minutes=10)))

    for _ in range(3):
        audit.run()

    assert alarms == [f"differs from the database in doctor:{doctor}"]
    assert state_of(node) == site.truth()


def test_a_replica_that_goes_wrong_by_itself_is_found_although_the_database_did_not_change(audited, site):
    node, audit, alarms, (doctor, _) = audited
    audit.run()
    stream = f"doctor:{doctor}"
    with node.replica.unchanging() as core:
        core.install(core.vector.only([stream]), tuple(core.rows(stream)[:-1]))

    for _ in range(3):
        audit.run()

    assert alarms == [f"differs from the database in {stream}"]
    assert state_of(node) == site.truth()


def test_a_new_change_is_looked_at_in_the_next_round(audited, site):
    node, audit, alarms, (doctor, _) = audited
    audit.run()
    site.slot(doctor, 30)
    site.beat()
    site.relay_everything()
    node.catch_up()

    audit.run()

    assert alarms == []
    assert audit.truth()["is_complete"]


def test_a_stream_that_changes_all_the_time_is_read_when_it_has_settled_or_after_a_while(
    audited, site, read_rows, monkeypatch
):
    _, audit, _, (doctor, _) = audited

    hours = count(30)

    def change_and_run() -> int:
        site.slot(doctor, next(hours))
        read_rows.clear()
        audit.run()
        return len(read_rows)

    rounds = [change_and_run() for _ in range(4)]
    audit.run()
    settled = len(read_rows)
    monkeypatch.setattr(audits, "SETTLING_SECONDS", 0.0)

    assert max(rounds[2:]) <= 1 < rounds[1]  # the row of the other doctor, where there are no marks
    assert settled > rounds[3]
    assert change_and_run() > 0
