"""A plain wish for the best seats is answered before Flask as the ordinary way answers it, word for word."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.booking import actions
from app.coordination.replication.session import read_token
from app.directory.program import Program
from app.directory.scheduling import create_showtimes
from app.web import booking_lane, limits
from app.web.parts import EXTENSION, Parts
from app.web.paths import LARGEST_ID
from tests.cinema import ADMIN, TOMORROW, Cinema, block
from tests.web import test_booking_lane
from tests.web.conftest import log_in_as
from tests.web.test_booking_lane import WHO, keyed, one_and_other

QUICK, ORDINARY = "", "?by=the+long+way"
WAYS = (QUICK, ORDINARY)


@dataclass
class Halls:
    """The two ways to the best seats at one node."""

    app: APIFlask
    client: FlaskClient
    flask_calls: list[str]
    cinema: Cinema

    @property
    def parts(self) -> Parts:
        return self.app.extensions[EXTENSION]

    def ask(
        self, way: str, showtime: int, headers: dict[str, str] | None = None, **more: Any
    ) -> TestResponse:
        """Goes that way and no other."""
        self.flask_calls.clear()
        answer = self.send(way, showtime, headers, **more)
        assert len(self.flask_calls) == WAYS.index(way)
        return answer

    def send(
        self, way: str, showtime: int, headers: dict[str, str] | None = None, **more: Any
    ) -> TestResponse:
        path = f"/api/showtimes/{showtime}/best-available{way}"
        return self.client.post(path, json={"count": 2, "hold": False, **WHO, **more}, headers=headers)

    def ask_both_ways(self, showtime: int, **more: Any) -> list[TestResponse]:
        return [self.ask(way, showtime, **more) for way in WAYS]


@pytest.fixture
def halls(app: APIFlask, client: FlaskClient, flask_calls: list[str]) -> Halls:
    return Halls(app, client, flask_calls, Cinema.on(app.extensions[EXTENSION].database))


@pytest.mark.parametrize("secure", [{}, {"X-Forwarded-Proto": "https"}], ids=["http", "https"])
def test_a_group_is_told_the_same(
    halls: Halls, secure: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(test_booking_lane, "OF_ITS_OWN", {*test_booking_lane.OF_ITS_OWN, "showtime_id"})
    times = (TOMORROW, TOMORROW + timedelta(days=7))
    program = Program(halls.cinema.add_movie(), halls.cinema.add_hall(block(2, 5)), times)
    made = create_showtimes(halls.cinema.directory, program, ADMIN).value["showtimes"]
    shows = [int(show["id"]) for show in made]

    answers = [halls.ask(way, show, secure, count=4) for way, show in zip(WAYS, shows, strict=True)]

    one_and_other(answers, 201)
    assert answers[0].json["data"]["warnings"][0]["code"] == "STRAY_SEAT"
    sessions = [
        read_token(halls.parts.config.secret_key, answer.headers["X-Session-Token"]) for answer in answers
    ]
    seen = [session and dict(session.seen) for session in sessions]
    assert seen == [{f"showtime:{show}": 2} for show in shows]


def test_a_set_of_seats_is_told_the_same_to_who_gets_it_and_to_who_loses_it(
    halls: Halls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(test_booking_lane, "OF_ITS_OWN", {*test_booking_lane.OF_ITS_OWN, "row"})
    ids = halls.cinema.ids(halls.cinema.add_showtime(block(2, 4)))

    def take(way: str, *labels: str) -> TestResponse:
        halls.flask_calls.clear()
        body = {"slot_ids": [str(ids[label]) for label in labels], **WHO}
        answer = halls.client.post(f"/api/bookings{way}", json=body)
        assert len(halls.flask_calls) == WAYS.index(way)
        return answer

    one_and_other([take(way, f"{row}1", f"{row}2") for way, row in zip(WAYS, "AB", strict=True)], 201)
    one_and_other([take(way, "A2", "A3") for way in WAYS], 409)


@pytest.mark.parametrize(("first", "second"), [WAYS, WAYS[::-1]], ids=["quick first", "ordinary first"])
def test_a_key_that_was_used_one_way_is_known_the_other_way(halls: Halls, first: str, second: str) -> None:
    show = halls.cinema.add_showtime(block(2, 4))

    booked = halls.ask(first, show, keyed("k-1"))
    again = [halls.ask(way, show, keyed("k-1")) for way in WAYS]
    reused = [halls.ask(way, show, keyed("k-1"), count=1) for way in (second, first)]

    assert again[0].json["data"] == booked.json["data"]
    one_and_other(again, 201)
    one_and_other(reused, 422)


def test_a_key_is_bound_to_the_show_it_was_used_at(halls: Halls) -> None:
    one, other = (halls.cinema.add_showtime(block(1, 4)) for _ in range(2))
    halls.ask(QUICK, one, keyed("k-1"))

    one_and_other([halls.ask(way, other, keyed("k-1")) for way in WAYS], 422)


def test_who_gets_none_is_told_the_same(halls: Halls) -> None:
    show = halls.cinema.add_showtime(block(2, 3))
    halls.ask(ORDINARY, show, count=3)
    halls.ask(ORDINARY, show, count=2)

    for wish, status in (({"count": 3}, 409), ({"zone": "Moon"}, 422), ({"accessible": True}, 409)):
        one_and_other(halls.ask_both_ways(show, **wish), status)
    one_and_other(halls.ask_both_ways(987_654_321), 404)


@pytest.mark.parametrize(
    "wrong", [{"count": 0}, {"patient_email": "nobody"}, {"patient_name": None}], ids=str
)
def test_what_is_wrong_is_said_by_the_application_which_can_still_read_it(
    halls: Halls, wrong: dict[str, Any]
) -> None:
    show = halls.cinema.add_showtime(block(1, 3))
    halls.flask_calls.clear()

    answers = [halls.send(way, show, **wrong) for way in WAYS]

    assert len(halls.flask_calls) == 2
    one_and_other(answers, 422)


def test_a_hold_and_a_number_that_no_show_can_have_are_left_to_the_application(halls: Halls) -> None:
    show = halls.cinema.add_showtime(block(1, 3))
    halls.flask_calls.clear()

    statuses = [halls.send(QUICK, show, hold=True).status_code, halls.send(QUICK, LARGEST_ID + 1).status_code]

    assert (statuses, len(halls.flask_calls)) == ([201, 404], 2)


def test_whoever_is_logged_in_books_for_their_account(halls: Halls) -> None:
    login = log_in_as(halls.app, halls.client, "patient")

    answer = halls.send(QUICK, halls.cinema.add_showtime(block(1, 3)), login)

    assert answer.json["data"]["user_id"] is not None


def test_both_ways_are_counted_together_and_refused_alike(
    halls: Halls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "WRITES_OF_AN_ADDRESS", 2)
    ask: Callable[[str], TestResponse] = lambda way: halls.client.post(  # noqa: E731
        f"/api/showtimes/7{way and '00'}/best-available{way}",
        json={"count": 2, "hold": False, **WHO},
        environ_base={"REMOTE_ADDR": "203.0.113.7"},
    )

    passed = [ask(way).status_code for way in WAYS]

    assert passed == [404, 404]
    assert [ask(way).status_code for way in WAYS] == [429, 429]


def test_an_unforeseen_error_is_told_and_logged_alike(halls: Halls, monkeypatch: pytest.MonkeyPatch) -> None:
    show = halls.cinema.add_showtime(block(1, 3))

    def fail(*_given: Any) -> None:
        raise RuntimeError("oops")

    monkeypatch.setattr(actions, "hold_best", fail)

    one_and_other(halls.ask_both_ways(show), 500)


def test_each_answer_is_logged_by_its_path_and_metered_by_its_route(
    halls: Halls, monkeypatch: pytest.MonkeyPatch
) -> None:
    show, lines = halls.cinema.add_showtime(block(1, 3)), []
    monkeypatch.setattr(booking_lane, "log_request", lambda _message, **fields: lines.append(fields))
    halls.parts.load_meter.report()

    halls.ask(QUICK, show)
    halls.ask(ORDINARY, show, count=1)

    quick, ordinary = halls.parts.load_meter.report().recent
    assert (quick.method, quick.route, quick.status) == (ordinary.method, ordinary.route, 201)
    assert [line["path"] for line in lines] == [f"/api/showtimes/{show}/best-available"]
