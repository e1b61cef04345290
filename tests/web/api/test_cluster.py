"""B29 to B33: the cluster through the API; operators order, everybody may look, every order is in the
audit."""

import time
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, select

from app.coordination import cluster_log, membership
from app.coordination.cluster_log import NOTICED, RECEIVED, SENT, Entry
from app.coordination.leadership import ROLE
from app.coordination.settings import ELECTION_ALGORITHM, read_settings
from app.database import db_now
from app.tables import AuditEntry, LeaderState, LeaderTerm
from app.web.parts import EXTENSION
from tests.web.api.coordinators import NODE, StandIn, node
from tests.web.conftest import make_app

ORDERS = [
    ("/api/election", {"algorithm": "ring"}),
    ("/api/servers/election", {}),
    ("/api/cluster/hand-over", {"reason": "update"}),
    ("/api/cluster/drain", {"node": "node-8", "reason": "update"}),
    ("/api/cluster/undrain", {"node": "node-8", "reason": "update"}),
    ("/api/cluster/algorithm", {"algorithm": "ring", "reason": "a try"}),
    ("/api/cluster/ring-audit", {"reason": "before the deploy"}),
    ("/api/cluster/clock-round", {"reason": "a doubt"}),
]


@pytest.fixture
def coordinator():
    stand_in = StandIn()
    yield stand_in
    stand_in.server.close()


@pytest.fixture
def app(database_url, coordinator):
    app = make_app(database_url, RPC_PORT=str(coordinator.server.port))
    yield app
    app.extensions[EXTENSION].database.dispose()


@pytest.fixture
def database(app):
    return app.extensions[EXTENSION].database


@pytest.fixture
def joined(database):
    for number in (7, 8):
        database.run(lambda tx, n=number: membership.join(tx, f"node-{n}", f"http://127.0.0.1:500{n}", 1))
    lead(database, "node-8", 9)


def lead(database, name, epoch):
    with database.transaction() as tx:
        tx.execute(insert(LeaderState).values(role=ROLE, epoch=epoch, node=name, lease_until=db_now(6)))
        tx.execute(insert(LeaderTerm).values(role=ROLE, epoch=epoch, node=name, algorithm="ring"))


def servers(client):
    answer = client.get("/api/servers")
    assert answer.status_code == 200
    return {server["id"]: server for server in answer.json["data"]}


def audit(database):
    with database.read() as connection:
        of_orders = ~AuditEntry.action.startswith("account.")
        rows = connection.execute(select(AuditEntry).where(of_orders).order_by(AuditEntry.at)).all()
        return [
            (row.action, row.detail, row.lamport > 0, row.hybrid_clock > 0, row.vector_clock) for row in rows
        ]


def test_servers_show_what_the_failure_detector_sees_and_who_leads_by_the_database(
    client, joined, coordinator
):
    coordinator.nodes = [node(NODE, connections=12, load=0.5), node("node-8", status="suspect")]

    found = servers(client)

    assert (found[NODE]["connections"], found[NODE]["load"], found[NODE]["status"]) == (12, 0.5, "up")
    assert found["node-8"]["status"] == "suspect"
    assert (found[NODE]["is_leader"], found["node-8"]["is_leader"]) == (False, True)
    assert (found[NODE]["epoch"], found["node-8"]["epoch"]) == (None, 9)
    assert found[NODE]["port"] == 5070


def test_a_node_the_detector_holds_for_dead_is_down(client, joined, coordinator):
    coordinator.nodes = [node(NODE), node("node-8", status="dead", last_heard_seconds=7.0)]

    server = servers(client)["node-8"]

    assert server["status"] == "down"
    age = datetime.now(UTC) - datetime.fromisoformat(server["last_heartbeat"])
    assert 6 < age.total_seconds() < 20


def test_without_a_coordinator_servers_are_what_the_database_says(client, joined, coordinator):
    coordinator.server.close()

    assert {name: server["status"] for name, server in servers(client).items()} == {
        NODE: "up",
        "node-8": "up",
    }


def test_without_the_database_servers_are_what_the_coordinator_says(coordinator):
    app = make_app("postgresql://nobody@127.0.0.1:1/none", RPC_PORT=str(coordinator.server.port))

    found = servers(app.test_client())

    assert {name: server["is_leader"] for name, server in found.items()} == {NODE: True, "node-8": False}
    assert found[NODE]["epoch"] == 4


def test_servers_hold_no_secrets_and_no_internal_addresses(client, joined, coordinator):
    coordinator.nodes[0]["rpc_url"] = "http://internal"

    body = client.get("/api/servers").text

    assert "internal" not in body
    assert set(servers(client)[NODE]) == {
        "id", "name", "address", "port", "connections", "load", "weight", "is_leader", "epoch", "status",
        "clock", "started_at", "last_heartbeat", "requests", "p95_ms", "version",
    }  # fmt: skip


@pytest.mark.parametrize("path", ["/api/election", "/api/servers/election"])
def test_an_operator_starts_an_election_and_learns_its_id(client, bearer, database, coordinator, path):
    body = {"algorithm": "ring", "forced": True, "reason": "to show it"}
    answer = client.post(path, json=body, headers=bearer("operator"))

    assert answer.status_code == 202
    assert answer.json["data"] == {
        "election_id": "bully-node-7-1.1",
        "algorithm": "ring",
        "forced": True,
        "started_by": NODE,
    }
    assert coordinator.given("operator.trigger") == [{"algorithm": "ring", "is_forced": True}]
    (action, detail, has_lamport, has_hybrid, vector) = audit(database)[-1]
    assert (action, detail) == ("cluster.elect", body)
    assert has_lamport
    assert has_hybrid
    assert NODE in vector


def test_an_election_is_by_the_algorithm_in_use_unless_one_is_named(client, bearer, coordinator):
    coordinator.election["algorithm"] = "ring"

    client.post("/api/election", json={}, headers=bearer("admin"))

    assert coordinator.given("operator.trigger") == [{"algorithm": "ring", "is_forced": False}]


@pytest.mark.parametrize(("path", "body"), ORDERS)
def test_orders_are_for_operators_only(client, bearer, coordinator, database, path, body):
    """Attack 8."""
    statuses = [client.post(path, json=body).status_code]
    statuses += [
        client.post(path, json=body, headers=bearer(role)).status_code for role in ("patient", "staff")
    ]

    assert statuses == [401, 403, 403]
    assert coordinator.orders == []
    assert audit(database) == []


def test_the_leader_hands_over_at_an_operators_word(client, bearer, coordinator):
    answer = client.post(
        "/api/cluster/hand-over", json={"to": "node-8", "reason": "update"}, headers=bearer("operator")
    )

    assert (answer.status_code, answer.json["data"]["epoch"]) == (202, 4)
    assert coordinator.given("operator.hand_over") == [{"to": "node-8", "reason": "the operator: update"}]


def test_an_order_that_makes_no_sense_now_is_a_conflict_and_leaves_no_audit(
    client, bearer, coordinator, database
):
    coordinator.refusal = ("NO_LEADER", "nobody leads at the moment")

    answer = client.post("/api/cluster/hand-over", json={"reason": "update"}, headers=bearer("operator"))

    assert (answer.status_code, answer.json["error"]["code"]) == (409, "NOT_NOW")
    assert answer.json["reason"] == "NO_LEADER"
    assert audit(database) == []


def test_an_order_without_a_coordinator_is_503_and_leaves_no_audit(client, bearer, coordinator, database):
    headers = bearer("operator")
    coordinator.server.close()

    answer = client.post("/api/election", json={}, headers=headers)

    assert answer.status_code == 503
    assert audit(database) == []


def test_an_order_is_given_once_per_key(client, bearer, coordinator):
    headers = {**bearer("operator"), "Idempotency-Key": "hand-over-1"}
    first, second = (
        client.post("/api/cluster/hand-over", json={"reason": "update"}, headers=headers) for _ in range(2)
    )

    assert len(coordinator.given("operator.hand_over")) == 1
    assert second.headers["Idempotency-Replayed"] == "true"
    assert first.json["data"] == second.json["data"]


def test_a_node_is_drained_and_put_back_with_a_reason(client, bearer, joined, database, coordinator):
    headers = bearer("operator")
    for path, is_draining in (("drain", True), ("undrain", False)):
        answer = client.post(
            f"/api/cluster/{path}", json={"node": "node-8", "reason": "kernel"}, headers=headers
        )

        assert answer.json["data"] == {"node": "node-8", "draining": is_draining}
        with database.read() as connection:
            rows = {row.id: row.draining for row in membership.nodes(connection)}
        assert rows == {NODE: False, "node-8": is_draining}
    assert coordinator.given("operator.nudge") == [{"node": "node-8"}] * 2
    assert [action for action, *_ in audit(database)] == ["cluster.drain", "cluster.undrain"]


def test_an_unknown_node_is_not_drained(client, bearer, joined, database):
    answer = client.post(
        "/api/cluster/drain", json={"node": "node-99", "reason": "x"}, headers=bearer("operator")
    )

    assert answer.status_code == 404
    assert audit(database) == []


def test_the_algorithm_is_switched_for_all_nodes(client, bearer, database, coordinator):
    answer = client.post(
        "/api/cluster/algorithm", json={"algorithm": "ring", "reason": "a try"}, headers=bearer("operator")
    )

    assert answer.status_code == 200
    with database.read() as connection:
        assert read_settings(connection) == {ELECTION_ALGORITHM: "ring"}
    assert coordinator.given("operator.nudge") == [{"node": None}]


@pytest.mark.parametrize(
    "body", [{"algorithm": "dictator"}, {"forced": "yes"}, {"epoch": 7}, {"algorithm": ["bully"]}]
)
def test_an_election_by_something_else_is_refused(client, bearer, coordinator, body):
    assert client.post("/api/election", json=body, headers=bearer("operator")).status_code == 422
    assert coordinator.orders == []


def test_an_order_needs_a_reason(client, bearer):
    answer = client.post("/api/cluster/hand-over", json={"reason": " "}, headers=bearer("operator"))

    assert answer.status_code == 422


def entry(kind, name, lamport, **more):
    return Entry(datetime.now(UTC), NODE, kind, name, lamport=lamport, vector_clock={NODE: lamport}, **more)


def test_the_election_shows_leader_terms_and_messages_in_causal_order(client, joined, database):
    entries = [
        entry(RECEIVED, "OK", 9, sender="node-8", receiver=NODE, election="bully-1"),
        entry(SENT, "ELECTION", 5, sender=NODE, receiver="node-8", election="bully-1"),
        entry(SENT, "TOKEN", 7, sender=NODE, receiver="node-8", election="ring-1"),
        entry(NOTICED, "leader.fenced", 8, epoch=3),
    ]
    database.run(lambda tx: cluster_log.append(tx, entries))

    shown = client.get("/api/election").json["data"]
    narrowed = client.get("/api/election?election=bully-1").json["data"]

    assert (shown["leader"], shown["epoch"], shown["algorithm"]) == (NODE, 4, "bully")
    assert [term["epoch"] for term in shown["terms"]] == [9]
    assert [message["name"] for message in shown["messages"]] == ["ELECTION", "TOKEN", "OK"]
    assert [event["name"] for event in shown["events"]] == ["leader.fenced"]
    assert [message["name"] for message in narrowed["messages"]] == ["ELECTION", "OK"]


def test_without_the_database_the_election_is_what_this_node_remembers(coordinator):
    remembered = [entry(SENT, "ELECTION", 5, election="bully-1"), entry(NOTICED, "node.dead", 6)]
    coordinator.election["log"] = [each.document() for each in remembered]
    app = make_app("postgresql://nobody@127.0.0.1:1/none", RPC_PORT=str(coordinator.server.port))

    shown = app.test_client().get("/api/election").json["data"]

    assert [message["name"] for message in shown["messages"]] == ["ELECTION"]
    assert [event["name"] for event in shown["events"]] == ["node.dead"]
    assert shown["terms"] == []


@pytest.mark.parametrize("as_text", [False, True])
def test_cristians_exchange_gives_the_caller_all_it_needs(client, as_text):
    sent = time.time()
    told = datetime.fromtimestamp(sent, UTC).isoformat() if as_text else sent * 1000

    data = client.post("/api/clock-sync", json={"clientTime": told}).json["data"]

    received = time.time()
    assert data["t0"] == pytest.approx(sent * 1000, abs=0.01)
    assert data["t0"] <= data["t1"] <= data["t2"] <= data["t3"] <= received * 1000
    round_trip = (received * 1000 - data["t0"]) - (data["t3"] - data["t1"])
    offset = ((data["t1"] - data["t0"]) + (data["t3"] - received * 1000)) / 2
    assert abs(offset) <= round_trip / 2 + 0.01


@pytest.mark.parametrize("client_time", [None, True, "yesterday", "2030-01-07T09:00:00", 1e300, [], {}])
def test_a_time_that_is_none_is_refused(client, client_time):
    assert client.post("/api/clock-sync", json={"client_time": client_time}).status_code == 422


def test_sync_shows_logical_times_offsets_and_the_last_round(client, coordinator):
    coordinator.clocks = {
        "health": "warn",
        "text": "the clock is at least 0.30 s from the database's (limit 0.25 s)",
        "reference": "database",
        "offsets": [{"reference": "database", "offset_ms": -300.0, "error_ms": 1.0}],
        "database_suspect": False,
        "distrust": None,
        "berkeley": {"number": 2},
        "cluster_time": {"unix_ms": 1, "correction_ms": 0.5},
        "refused_stamps": 4,
    }

    data = client.get("/api/sync").json["data"]

    assert (data["node"], data["health"], data["berkeley"]) == (NODE, "warn", {"number": 2})
    assert data["cristian"][0]["offset_ms"] == -300.0
    assert data["refused_stamps"] == 4
    assert data["hybrid"]["text"].endswith(f"@{NODE}")


def test_sync_without_a_coordinator_still_shows_the_logical_times(client, coordinator):
    coordinator.server.close()

    data = client.get("/api/sync").json["data"]

    assert (data["health"], data["cristian"]) == ("unknown", [])
    assert data["lamport"] >= 0


def test_stamps_of_the_coordinator_reach_the_worker_and_back(app, client, coordinator):
    for _ in range(50):
        coordinator.stamper.tick()

    app.extensions[EXTENSION].load_reporter.report_once()

    assert client.get("/api/sync").json["data"]["lamport"] >= 50
    assert coordinator.stamper.peek().lamport > 50


def test_a_workers_report_counts_requests_failures_and_what_is_in_flight(app, client, coordinator):
    for _ in range(2):
        client.get("/api/sync").close()
    still_open = client.get("/api/sync")
    reporter = app.extensions[EXTENSION].load_reporter

    assert reporter.report_once()

    still_open.close()
    report = coordinator.reports[0]
    assert (report.requests, report.in_flight, report.failures) == (3, 1, 0)
    assert report.p95_ms > 0


def test_a_report_nobody_takes_is_no_trouble(app, coordinator):
    coordinator.server.close()

    assert app.extensions[EXTENSION].load_reporter.report_once() is False
