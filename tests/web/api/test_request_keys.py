"""The Idempotency-Key belongs to who sent it and to what was asked (attack 19)."""

import pytest

from app.web.api.request_keys import request_key


@pytest.fixture
def key_of(sample_app):
    def make(key="k-1", body=None, path="/api/sample", method="POST", address="192.0.2.1"):
        headers = {} if key is None else {"Idempotency-Key": key}
        context = sample_app.test_request_context(
            path, method=method, headers=headers, environ_base={"REMOTE_ADDR": address}
        )
        with context:
            return request_key(body if body is not None else {"a": 1})

    return make


def test_without_the_header_there_is_no_key(key_of):
    assert key_of(None) is None


def test_the_same_request_has_the_same_key(key_of):
    assert key_of() == key_of()


def test_another_body_is_another_request_under_the_same_key(key_of):
    first, second = key_of(body={"a": 1}), key_of(body={"a": 2})

    assert (first.scope, first.key) == (second.scope, second.key)
    assert first.request_hash != second.request_hash


def test_another_caller_has_a_scope_of_their_own(key_of):
    assert key_of(address="192.0.2.1").scope != key_of(address="192.0.2.2").scope


def test_another_route_is_another_scope(key_of):
    assert key_of().scope != key_of(path="/api/auth/register").scope


def test_the_address_cannot_be_read_from_the_scope(key_of):
    assert "192.0.2.1" not in key_of().scope
    assert len(key_of().scope) == 64


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\tbed", "a space", "\u00e4", "x" * 10_000])
@pytest.mark.parametrize("path", ["/api/bookings", "/api/clock-sync"])
def test_a_key_that_is_too_long_or_not_printable_is_refused(client, path, key):
    answer = client.post(path, headers={"Idempotency-Key": key}, json={"client_time": 0})

    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["field"] == "Idempotency-Key"


def test_the_longest_key_is_taken(key_of):
    assert key_of("x" * 255).key == "x" * 255
