"""The comparison with the database looks at what changed, leaves nothing out for ever, and is affordable."""

from __future__ import annotations

import pytest

from app.clock import SystemClock
from app.coordination.replication import audit as audits
from app.coordination.replication.audit import Audit
from tests.coordination.replication.conftest import Node, Site


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
