"""429 over HTTP: honest, for accounts and addresses, whatever a client claims about its own (I9, N18)."""

import pytest

from app.web import limits
from app.web.parts import EXTENSION
from tests.web.conftest import log_in_as


@pytest.fixture
def few_writes(monkeypatch):
    monkeypatch.setattr(limits, "WRITES_OF_AN_ACCOUNT", 5)
    monkeypatch.setattr(limits, "WRITES_OF_AN_ADDRESS", 3)


def write(client, address="203.0.113.7", **headers):
    return client.post("/api/bookings", json={}, headers=headers, environ_base={"REMOTE_ADDR": address})


def statuses(client, count, **options):
    return [write(client, **options).status_code for _ in range(count)]


def test_an_address_that_writes_too_fast_is_told_when_to_come_back(client, few_writes):
    before = statuses(client, 3)

    answer = write(client)

    assert before == [422] * 3
    assert (answer.status_code, answer.json["error"]["code"]) == (429, "RATE_LIMITED")
    assert answer.json["retryable"] is True
    assert 1 <= int(answer.headers["Retry-After"]) <= 60


def test_another_address_is_not_held_up(client, few_writes):
    statuses(client, 4)

    assert write(client, "203.0.113.8").status_code == 422


def test_neighbours_in_an_ipv6_network_count_as_one(client, few_writes):
    spread = [write(client, f"2001:db8:1:2::{number}").status_code for number in range(1, 6)]

    assert spread == [422, 422, 422, 429, 429]
    assert write(client, "2001:db8:1:3::1").status_code == 422


def test_what_a_client_says_of_its_own_address_is_not_believed(client, few_writes):
    """One proxy is trusted: of a longer list only what that proxy wrote counts."""
    spread = [
        client.post(
            "/api/bookings", json={}, headers={"X-Forwarded-For": f"198.51.100.{number}, 203.0.113.7"}
        ).status_code
        for number in range(5)
    ]

    assert spread == [422, 422, 422, 429, 429]


def test_an_account_has_a_count_of_its_own(app, client, few_writes):
    headers = log_in_as(app, client, "patient")
    statuses(client, 4)

    assert statuses(client, 6, **headers) == [422] * 5 + [429]


def test_a_place_where_many_people_sit_is_allowed_as_much_more(client, few_writes):
    assert statuses(client, 60, address="127.0.0.1") == [422] * 60


def test_reading_is_not_counted(client, few_writes):
    spread = [
        client.get("/api/doctors", environ_base={"REMOTE_ADDR": "203.0.113.7"}).status_code for _ in range(8)
    ]

    assert spread == [200] * 8


def test_no_address_is_kept_anywhere_as_it_is(app, client, few_writes):
    statuses(client, 2)

    assert "203.0.113.7" not in str(app.extensions[EXTENSION].rates._arrivals)
