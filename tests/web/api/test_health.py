"""B27, B28, B29: is this node well, are all nodes well."""

import socket
import threading

import pytest
from werkzeug.serving import make_server

from app.coordination import membership
from app.coordination.cards import Card
from app.coordination.stamps import Stamp
from app.web.node_health import probe
from app.web.parts import EXTENSION
from tests.moments import no_longer_than
from tests.web.conftest import make_app

NO_DATABASE = "postgresql://nobody@127.0.0.1:1/none"


@pytest.fixture
def node(database_url, redis_url):
    """A node with everything it needs."""
    app = make_app(database_url, redis_url)
    yield app
    app.extensions[EXTENSION].database.dispose()


@pytest.fixture
def hanging_server():
    """Takes connections and never says a word; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def served():
    """served(app) lets a node answer on a real port; gives its address."""
    servers = []

    def serve(app):
        servers.append(make_server("127.0.0.1", 0, app, threaded=True))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def join(app, node_id, address):
    database = app.extensions[EXTENSION].database
    database.run(lambda tx: membership.join(tx, node_id, address, 1))


def test_a_node_with_database_and_redis_is_ok(node):
    answer = node.test_client().get("/health")

    assert answer.status_code == 200
    data = answer.json["data"]
    assert (data["status"], data["node"], data["database"], data["redis"]) == ("ok", "node-7", "up", "up")


def test_without_redis_a_node_still_serves_and_says_that_it_is_degraded(client):
    answer = client.get("/health")

    assert answer.status_code == 200
    assert (answer.json["data"]["status"], answer.json["data"]["redis"]) == ("degraded", "down")


def test_with_a_hanging_redis_the_answer_comes_within_the_second(database_url, own_redis):
    client = make_app(database_url, own_redis.url).test_client()
    own_redis.freeze()

    with no_longer_than(2.5):
        answer = client.get("/health")

    assert (answer.status_code, answer.json["data"]["redis"]) == (200, "down")
    own_redis.thaw()


def test_without_its_database_a_node_answers_503_and_when_to_ask_again():
    answer = make_app(NO_DATABASE).test_client().get("/health")

    assert answer.status_code == 503
    assert answer.mimetype == "application/problem+json"
    assert answer.headers["Retry-After"] == "2"
    assert answer.json["data"]["database"] == "down"


def test_with_a_hanging_database_the_answer_comes_within_the_second(hanging_server):
    client = make_app(f"postgresql://nobody@127.0.0.1:{hanging_server}/none").test_client()

    with no_longer_than(2.5):
        answer = client.get("/health")

    assert answer.status_code == 503


def test_alone_a_node_is_the_whole_cluster(node):
    answer = node.test_client().get("/api/health")

    assert answer.status_code == 200
    assert [each["node"] for each in answer.json["data"]["nodes"]] == ["node-7"]


def test_all_nodes_are_asked_over_http(node, served, database_url, redis_url):
    other = make_app(database_url, redis_url, NODE_ID="node-8")
    join(node, "node-7", "http://127.0.0.1:1")  # itself is not asked over HTTP
    join(node, "node-8", served(other))

    answer = node.test_client().get("/api/health")

    assert answer.json["data"]["status"] == "ok"
    assert {each["node"]: each["status"] for each in answer.json["data"]["nodes"]} == {
        "node-7": "ok",
        "node-8": "ok",
    }
    other.extensions[EXTENSION].database.dispose()


def test_a_node_that_does_not_answer_makes_the_cluster_degraded_not_dead(node, hanging_server):
    join(node, "node-8", f"http://127.0.0.1:{hanging_server}")
    join(node, "node-9", "http://127.0.0.1:1")

    with no_longer_than(2.5):
        answer = node.test_client().get("/api/health")

    assert answer.status_code == 200
    assert answer.json["data"]["status"] == "degraded"
    assert {each["node"]: each["status"] for each in answer.json["data"]["nodes"]} == {
        "node-7": "ok",
        "node-8": "unavailable",
        "node-9": "unavailable",
    }


def test_a_node_that_left_on_purpose_is_not_missed(node):
    join(node, "node-8", "http://127.0.0.1:1")
    database = node.extensions[EXTENSION].database
    farewell = Card("node-8", 1, "http://127.0.0.1:1", status=membership.LEFT)
    database.run(lambda tx: membership.beat(tx, farewell, Stamp(0, {})))

    assert node.test_client().get("/api/health").json["data"]["status"] == "ok"


def test_another_node_at_the_address_is_not_taken_for_the_one_asked(node, served):
    assert probe("node-8", served(node))["status"] == "unavailable"


def test_when_nothing_can_serve_the_cluster_answers_503():
    assert make_app(NO_DATABASE).test_client().get("/api/health").status_code == 503


def test_many_callers_within_a_second_ask_the_nodes_once(node, served):
    asked = []

    def other(environ, start_response):
        asked.append(environ["PATH_INFO"])
        start_response("200 OK", [])
        return [b"{}"]

    join(node, "node-8", served(other))
    client = node.test_client()

    answers = [client.get("/api/health").json["data"]["status"] for _ in range(5)]

    assert asked == ["/health"]
    assert answers == ["degraded"] * 5


def test_the_servers_are_listed_with_their_state_and_without_a_secret(node):
    join(node, "node-7", "http://127.0.0.1:5001")

    servers = node.test_client().get("/api/servers").json["data"]

    assert [(each["id"], each["address"], each["status"]) for each in servers] == [
        ("node-7", "http://127.0.0.1:5001", "up")
    ]
