"""B29: the list of servers is the cluster as it is now."""

import pytest
from sqlalchemy import insert, update

from app.coordination import membership
from app.coordination.leadership import ROLE
from app.coordination.roster import read_roster
from app.database import Database, db_now
from app.tables import LeaderState, Node
from tests.keys import KEYRING


@pytest.fixture
def database(database_url):
    database = Database(database_url, keyring=KEYRING)
    yield database
    database.dispose()


@pytest.fixture
def tx(database):
    with database.transaction() as tx:
        for number in (1, 2, 3):
            membership.join(tx, f"node-{number}", f"http://127.0.0.1:500{number}", number)
        yield tx


def lead(tx, node, seconds=6):
    tx.execute(insert(LeaderState).values(role=ROLE, epoch=4, node=node, lease_until=db_now(seconds)))


def facts(tx, *names):
    return {node["id"]: tuple(node[name] for name in names) for node in read_roster(tx)}


def test_the_leader_is_marked_with_its_epoch(tx):
    lead(tx, "node-2")

    assert facts(tx, "is_leader", "epoch") == {
        "node-1": (False, None),
        "node-2": (True, 4),
        "node-3": (False, None),
    }


def test_a_lease_that_ran_out_leads_no_more(tx):
    lead(tx, "node-2", seconds=-1)

    assert facts(tx, "is_leader")["node-2"] == (False,)


def test_a_silent_node_is_down_and_one_that_said_good_bye_has_left(tx):
    tx.execute(update(Node).where(Node.id != "node-1").values(last_heartbeat=db_now(-30)))
    tx.execute(update(Node).where(Node.id == "node-3").values(status=membership.LEFT))

    assert facts(tx, "status") == {"node-1": ("up",), "node-2": ("down",), "node-3": ("left",)}


def test_a_node_that_is_long_gone_is_not_listed(tx):
    tx.execute(update(Node).where(Node.id == "node-3").values(last_heartbeat=db_now(-90_000)))

    assert list(facts(tx)) == ["node-1", "node-2"]


def test_instants_are_texts_in_utc(tx):
    assert all(node["last_heartbeat"].endswith("Z") for node in read_roster(tx))
