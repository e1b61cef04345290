"""The short cut before Flask answers what the ordinary way answers, word for word (P4)."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.web import fast_lane
from app.web.parts import EXTENSION
from tests.booking.test_replicated import fed

DAY = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
EVENTUAL = {"X-Consistency": "eventual"}
#: Differ from answer to answer on either way.
OF_THE_MOMENT = ("X-Correlation-ID", "X-Staleness-Ms")
Ask = Callable[..., TestResponse]


@pytest.fixture
def where(app: APIFlask, client: FlaskClient, bearer: Callable[[str], dict[str, str]]) -> str:
    """The address of a doctor's day whose slots this node's copy knows."""
    admin = bearer("admin")
    body = {"name": "Dr Ada Probe", "specialization": "Cardiology", "timezone": "Europe/Berlin"}
    doctor = client.post("/api/doctors", json=body, headers=admin).json["data"]["id"]
    client.post("/api/slots/bulk", json={"doctor_id": doctor, "slot_date": DAY}, headers=admin)
    follow(app)
    return f"/api/availability?doctor_id={doctor}&date={DAY}"


def follow(app: APIFlask) -> None:
    parts = app.extensions[EXTENSION]
    fed(parts.reads.replica, parts.database)


def shown(answer: TestResponse) -> tuple[int, list[tuple[str, str]], object]:
    told = [(name, value) for name, value in answer.headers.items() if name not in OF_THE_MOMENT]
    body = {**json.loads(answer.data), "timestamp": None} if answer.data else None
    lengths = [(name, value) for name, value in told if name != "Content-Length"]
    return answer.status_code, sorted(lengths), body


@pytest.mark.parametrize("secure", [{}, {"X-Forwarded-Proto": "https"}], ids=["http", "https"])
@pytest.mark.parametrize("has_it", [False, True], ids=["new", "unchanged"])
def test_both_ways_say_the_same(
    app: APIFlask, client: FlaskClient, where: str, flask_calls: list[str], secure: dict, has_it: bool
) -> None:
    ask: Ask = lambda **more: client.get(where, headers={**EVENTUAL, **secure, **more})  # noqa: E731
    learnt = ask()
    more = {"If-None-Match": learnt.headers["ETag"]} if has_it else {}
    lane = app.extensions[fast_lane.FAST_LANE]
    flask_calls.clear()

    quick = ask(**more)
    assert flask_calls == []
    lane._known.clear()
    ordinary = ask(**more)

    assert len(flask_calls) == 1
    assert quick.status_code == (304 if has_it else 200)
    assert shown(quick) == shown(ordinary)


@pytest.mark.parametrize("header", sorted(fast_lane.NOT_PLAIN))
def test_only_plain_requests_take_it(app: APIFlask, where: str, flask_calls: list[str], header: str) -> None:
    client = app.test_client(use_cookies=False)  # else it takes ours away
    client.get(where, headers=EVENTUAL)
    flask_calls.clear()

    client.get(where, headers=EVENTUAL, environ_overrides={header: "something"})

    assert len(flask_calls) == 1


def test_whoever_asks_for_the_truth_does_not_take_it(
    client: FlaskClient, where: str, flask_calls: list[str]
) -> None:
    client.get(where, headers=EVENTUAL)
    flask_calls.clear()

    levels = [client.get(where, headers=asked).headers["X-Served-Consistency"]
              for asked in ({}, {"X-Consistency": "strong"})]  # fmt: skip

    assert levels == ["strong", "strong"]
    assert len(flask_calls) == 2


def test_a_booked_time_is_gone_from_the_next_answer(app: APIFlask, client: FlaskClient, where: str) -> None:
    before = client.get(where, headers=EVENTUAL)
    slot = before.json["data"]["slots"][0]["id"]
    who = {"patient_name": "Anna Example", "patient_email": "anna@example.org"}
    client.post("/api/bookings", json={"slot_id": slot, **who})
    follow(app)

    after = client.get(where, headers={**EVENTUAL, "If-None-Match": before.headers["ETag"]})

    assert after.status_code == 200
    assert slot not in [each["id"] for each in after.json["data"]["slots"]]


def test_each_answer_is_logged_and_metered(
    app: APIFlask, client: FlaskClient, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[dict[str, object]] = []
    monkeypatch.setattr(fast_lane, "log_request", lambda _message, **fields: lines.append(fields))
    client.get(where, headers=EVENTUAL)
    app.extensions[EXTENSION].load_meter.report()

    client.get(where, headers={**EVENTUAL, "X-Correlation-ID": "order-66"})

    (seen,) = app.extensions[EXTENSION].load_meter.report().recent
    assert (seen.route, seen.status) == ("/api/availability", 200)
    (line,) = lines
    assert (line["correlation_id"], line["path"], line["status"]) == ("order-66", "/api/availability", 200)


def test_a_copy_that_knows_nothing_leaves_it_to_the_application(
    app: APIFlask, client: FlaskClient, where: str, flask_calls: list[str]
) -> None:
    client.get(where, headers=EVENTUAL)
    app.extensions[EXTENSION].reads.replica.is_overflowing = True
    flask_calls.clear()

    answer = client.get(where, headers=EVENTUAL)

    assert len(flask_calls) == 1
    assert answer.headers["X-Served-Consistency"] == "strong"
