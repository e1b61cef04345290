"""The events process says what a node says, word for word, and has nothing else."""

import json
import shutil
import subprocess
import sys

import pytest

from app import create_event_server
from app.config import Config
from app.web.parts import EXTENSION
from tests.servers import ROOT
from tests.web.conftest import make_app

NOWHERE = "redis://127.0.0.1:1/0"
ORIGIN = "https://example.org"
#: Differ from answer to answer on either.
OF_THE_MOMENT = ("X-Correlation-ID", "Content-Length")


@pytest.fixture(scope="module")
def servers(_migrated_sqlite, tmp_path_factory):
    """A node and an events process with the same settings."""
    url = f"sqlite:///{shutil.copy(_migrated_sqlite, tmp_path_factory.mktemp('events'))}"
    settings = {"CORS_ORIGIN": ORIGIN}
    node = make_app(url, NOWHERE, **settings)
    environment = {"APP_ENV": "test", "NODE_ID": "node-7", "LOG_LEVEL": "error", **settings}
    events = create_event_server(Config.from_env({**environment, "DATABASE_URL": url, "REDIS_URL": NOWHERE}))
    yield node, events
    for app in (node, events):
        app.extensions[EXTENSION].broadcaster.stop()
        app.extensions[EXTENSION].database.dispose()


def shown(answer):
    """Everything but the moment."""
    headers = sorted((name, value) for name, value in answer.headers.items() if name not in OF_THE_MOMENT)
    body = next(answer.response, b"") if answer.mimetype == "text/event-stream" else answer.data
    if not answer.is_json:
        return answer.status_code, headers, body.partition(b"retry")[0]
    told = json.loads(body)
    for place in (told, told.get("error", {})):
        place.pop("timestamp", None)
        place.pop("correlation_id", None)
    return answer.status_code, headers, told


@pytest.mark.parametrize("headers", [
    {}, {"Origin": ORIGIN}, {"X-Forwarded-Proto": "https"}, {"Idempotency-Key": "no key\x7f"},
    {"Last-Event-ID": "5.1"}, {"Authorization": "Bearer nonsense"},
], ids=str)  # fmt: skip
@pytest.mark.parametrize("path", [
    "/api/events", "/api/events?doctor_id=1", "/api/events?doctorIds=1,2&showtime_id=3",
    "/api/events?doctor_id=x", "/api/events?doctor_ids=1,,2", "/api/events?x=1", "/api/events/", "/health",
    "/api/nothing",
])  # fmt: skip
def test_both_say_the_same(servers, path, headers):
    said = [app.test_client().get(path, headers=headers, buffered=False) for app in servers]

    assert shown(said[1]) == shown(said[0])
    for answer in said:
        answer.close()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD"])
def test_both_refuse_the_same_methods(servers, method):
    said = [app.test_client().open("/api/events", method=method) for app in servers]

    assert shown(said[1]) == shown(said[0])


def test_both_let_the_same_origins_ask(servers):
    said = [app.test_client().options("/api/events", headers={"Origin": ORIGIN}) for app in servers]

    told = [
        {name: value for name, value in answer.headers.items() if name.startswith("Access-Control-")}
        for answer in said
    ]
    assert told[0] == told[1]
    assert told[0]["Access-Control-Allow-Origin"] == ORIGIN
    assert [answer.allow.as_set() for answer in said] == [{"get", "head", "options"}] * 2


def test_it_has_no_other_route(servers):
    _, events = servers

    assert {rule.rule for rule in events.url_map.iter_rules()} == {"/api/events", "/health", "/api/health"}


def test_it_does_not_load_what_a_node_needs():
    """Pages, mails, calendars and the copy of the slots are what makes a node heavy."""
    heavy = ("app.web.pages", "app.booking.engine", "app.web.mirror", "rq", "icalendar", "holidays", "segno")
    code = f"import app.web.event_server, sys; print([m for m in {heavy} if m in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
