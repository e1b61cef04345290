"""The balancer's configuration, in a real nginx before tiny backends."""

import http.client
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.moments import no_longer_than
from tests.servers import throwaway_folder
from tests.worker.stack.backends import Backend, running_backend
from worker.stack import nginx
from worker.stack.ports import is_answering, pick_free_port
from worker.stack.process import Child, wait_until
from worker.stack.settings import ROOT, Node

# What nginx 1.22, the oldest we promise to run on, does not know yet.
NEWER_THAN_1_22 = ("http2 ", "http3", "quic", "ssl_reject_handshake", "proxy_pass_trailers", "early_hints")


@dataclass
class Balancer:
    port: int
    nodes: tuple[Backend, Backend]
    events: Backend

    def ask(
        self,
        path: str,
        method: str = "GET",
        body: bytes | None = None,
        source: str = "127.0.0.1",
        **headers: str,
    ) -> tuple[http.client.HTTPResponse, bytes]:
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=10, source_address=(source, 0)
        )
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, names)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response, content

    def count(self, request: str) -> int:
        """How often the nodes, all together, got this request."""
        return sum(node.seen.count(request) for node in self.nodes)

    def statuses(self, count: int, path: str, source: str) -> set[int]:
        """What came back for `count` requests over one connection, as fast as it goes."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=10, source_address=(source, 0)
        )
        found = set()
        for _ in range(count):
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            found.add(response.status)
        connection.close()
        return found

    def seen_by_node(self, path: str, **headers: str) -> dict[str, str]:
        """The headers a node got."""
        return json.loads(self.ask(path, **headers)[1])["headers"]


@pytest.fixture(scope="module")
def balancer() -> Iterator[Balancer]:
    with (
        throwaway_folder() as folder,
        running_backend("one") as one,
        running_backend("two") as two,
        running_backend("events") as events,
    ):
        port = pick_free_port()
        configuration = nginx.write_configuration(
            folder / "nginx", port, [Node("node-1", one.port), Node("node-2", two.port)], events.port
        )
        _be_impatient(configuration)
        child = Child(nginx.program(nginx.find_nginx(), configuration, folder / "nginx.log"))
        wait_until(lambda: is_answering(port), child, 10)
        yield Balancer(port, (one, two), events)
        child.stop()
        assert "emerg" not in (folder / "nginx.log").read_text()


def _be_impatient(configuration: Path) -> None:
    """Notice silence while a test waits."""
    text, count = re.subn(r"(proxy_read_timeout \d+)s", r"\g<1>00ms", configuration.read_text())
    assert count
    configuration.write_text(text)


def test_the_nodes_take_turns(balancer: Balancer) -> None:
    answers = [json.loads(balancer.ask("/")[1])["backend"] for _ in range(6)]

    assert answers in (["one", "two"] * 3, ["two", "one"] * 3)


def test_a_client_cannot_choose_its_address(balancer: Balancer) -> None:
    seen = balancer.seen_by_node(
        "/", X_Forwarded_For="9.9.9.9", Forwarded="for=9.9.9.9", X_Forwarded_Host="evil"
    )

    assert seen["X-Forwarded-For"] == "127.0.0.1"
    assert "Forwarded" not in seen
    assert "X-Forwarded-Host" not in seen


def test_calls_between_nodes_do_not_pass(balancer: Balancer) -> None:
    statuses = [balancer.ask(path)[0].status for path in ("/internal", "/internal/rpc", "//internal/rpc")]

    assert statuses == [404, 404, 404]


def test_a_body_over_64_kib_gets_the_error_shape_of_the_api(balancer: Balancer) -> None:
    response, content = balancer.ask("/api/bookings", "POST", b"x" * 70_000)

    assert response.status == 413
    assert response.getheader("Content-Type") == "application/problem+json"
    assert json.loads(content)["error"]["code"] == "PAYLOAD_TOO_LARGE"


def test_what_nginx_says_itself_is_json_whatever_the_path(balancer: Balancer) -> None:
    _, content = balancer.ask('/api/%22,"x":"%5C', "POST", b"x" * 70_000)

    assert json.loads(content)["instance"] == "/"


def test_an_event_arrives_while_the_stream_is_open(balancer: Balancer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", balancer.port, timeout=10)

    with no_longer_than(1.0):
        connection.request("GET", "/api/events")
        first = connection.getresponse().readline()

    assert first == b"data: events\n"
    connection.close()


def test_a_write_that_a_node_dropped_is_not_sent_to_another(balancer: Balancer) -> None:
    response, content = balancer.ask("/drop", "POST", b"{}")

    assert balancer.count("POST /drop") == 1
    assert response.status == 503
    assert response.getheader("Retry-After") == "2"
    assert json.loads(content)["retryable"] is True


@pytest.fixture
def silent(balancer: Balancer) -> Iterator[Backend]:
    """The node whose turn is next says nothing from now on."""
    last = json.loads(balancer.ask("/")[1])["backend"]
    node = balancer.nodes[1 if last == "one" else 0]
    node.is_silent.set()
    yield node
    node.is_silent.clear()


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_booking_with_a_key_leaves_a_silent_node_for_another(
    balancer: Balancer, silent: Backend, method: str
) -> None:
    path = f"/api/bookings/{method}/cancel"

    response, _ = balancer.ask(path, method, b"{}", Idempotency_Key="k1")

    assert response.status == 200
    assert f"{method} {path}" in silent.seen
    assert balancer.count(f"{method} {path}") == 2


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_booking_without_a_key_is_never_sent_twice(
    balancer: Balancer, silent: Backend, method: str
) -> None:
    path = f"/api/bookings/{method}/confirm"

    response, _ = balancer.ask(path, method, b"{}")

    assert response.status == 503
    assert balancer.count(f"{method} {path}") == 1


def test_nodes_that_were_all_slow_at_once_are_asked_again_at_once(balancer: Balancer) -> None:
    for node in balancer.nodes:
        node.is_silent.set()
    slow = [balancer.ask("/api/bookings", "POST", b"{}", Idempotency_Key=f"s{n}")[0].status for n in range(3)]
    for node in balancer.nodes:
        node.is_silent.clear()

    assert slow == [503, 503, 503]
    assert balancer.ask("/")[0].status == 200


def test_a_booking_with_a_key_is_asked_of_another_when_a_node_drops_it(balancer: Balancer) -> None:
    response, content = balancer.ask("/api/appointments/drop", "POST", b"{}", Idempotency_Key="k2")

    assert balancer.count("POST /api/appointments/drop") == 2
    assert (response.status, json.loads(content)["error"]["code"]) == (503, "UNAVAILABLE")


@pytest.mark.parametrize("path", ["/api/slots/drop", "/api/bookingsdrop/drop", "/holds/drop"])
def test_a_key_elsewhere_does_not_make_a_write_repeatable(balancer: Balancer, path: str) -> None:
    balancer.ask(path, "POST", b"{}", Idempotency_Key="k3")

    assert balancer.count(f"POST {path}") == 1


def test_a_booking_with_a_key_that_is_too_large_gets_the_error_shape_of_the_api(balancer: Balancer) -> None:
    response, content = balancer.ask("/api/bookings", "POST", b"x" * 70_000, Idempotency_Key="k4")

    assert response.status == 413
    assert json.loads(content)["error"]["code"] == "PAYLOAD_TOO_LARGE"


def test_a_read_that_a_node_dropped_is_asked_of_another(balancer: Balancer) -> None:
    balancer.ask("/drop")

    assert all("GET /drop" in node.seen for node in balancer.nodes)


def test_a_file_that_may_be_kept_is_asked_of_the_nodes_once(balancer: Balancer) -> None:
    answers = [balancer.ask("/assets/current/site.css")[0] for _ in range(10)]

    assert [answer.status for answer in answers] == [200] * 10
    assert balancer.count("GET /assets/current/site.css") == 1
    assert answers[-1].getheader("Cache-Control") == "public, max-age=31536000, immutable"


def test_a_file_that_must_not_be_kept_is_asked_of_the_nodes_each_time(balancer: Balancer) -> None:
    for _ in range(3):
        balancer.ask("/assets/former/site.css")

    assert balancer.count("GET /assets/former/site.css") == 3


def test_an_answer_of_the_api_is_never_kept(balancer: Balancer) -> None:
    for _ in range(3):
        balancer.ask("/api/current/doctors")

    assert balancer.count("GET /api/current/doctors") == 3


def test_another_machine_is_limited_long_before_this_one(balancer: Balancer) -> None:
    here = balancer.statuses(300, "/assets/current/site.css", source="127.0.0.1")
    elsewhere = balancer.statuses(300, "/assets/current/site.css", source="127.0.0.2")

    assert here == {200}
    assert elsewhere == {200, 429}


def test_nginx_does_not_tell_its_version(balancer: Balancer) -> None:
    assert balancer.ask("/")[0].getheader("Server") == "nginx"


def test_an_address_or_a_header_over_8_kib_gets_the_error_shape_of_the_api(balancer: Balancer) -> None:
    for response, content in (balancer.ask("/?q=" + "x" * 9000), balancer.ask("/", X_Long="x" * 9000)):
        assert response.status == 431
        assert json.loads(content)["error"]["code"] == "HEADERS_TOO_LARGE"


def test_a_trace_is_refused_in_the_error_shape_of_the_api(balancer: Balancer) -> None:
    response, content = balancer.ask("/", "TRACE")

    assert response.status == 405
    assert "GET" in response.headers["Allow"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert json.loads(content)["error"]["code"] == "METHOD_NOT_ALLOWED"


def test_the_template_has_nothing_that_an_older_nginx_would_refuse() -> None:
    template = re.sub(r"#.*", "", (ROOT / "nginx/oneslot.conf.template").read_text())

    assert [word for word in NEWER_THAN_1_22 if word in template] == []
