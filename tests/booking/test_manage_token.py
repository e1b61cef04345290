"""The secret in a guest's link opens one booking, and nothing else does."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import proofs
from app.booking import manage_token

SECRET = "a secret of the server, long enough"
BOOKING = uuid.UUID("0b1f3c66-6d1c-4f59-9f2e-0d9a4c1b2e3f")


@given(st.uuids())
def test_a_token_opens_the_booking_it_was_given_for(booking_id: uuid.UUID) -> None:
    assert manage_token.read(SECRET, manage_token.issue(SECRET, booking_id)) == booking_id


def test_a_token_is_the_same_each_time_it_is_shown() -> None:
    assert manage_token.issue(SECRET, BOOKING) == manage_token.issue(SECRET, BOOKING)


def test_a_token_of_another_server_opens_nothing() -> None:
    assert manage_token.read(SECRET, manage_token.issue("another secret", BOOKING)) is None


@pytest.mark.parametrize("position", range(0, proofs.CHARACTERS, 7))
def test_a_token_changed_in_one_letter_opens_nothing(position: int) -> None:
    token = manage_token.issue(SECRET, BOOKING)
    other = "A" if token[position] != "A" else "B"

    assert manage_token.read(SECRET, token[:position] + other + token[position + 1 :]) is None


@pytest.mark.parametrize(
    "token", ["", "A" * 42, "A" * 43, "A" * 44, "!" * 43, "é" * 43, "A" * 42 + "=", "A" * 42 + "\n"]
)
def test_what_is_no_token_opens_nothing(token: str) -> None:
    assert manage_token.read(SECRET, token) is None


@given(st.text(alphabet=st.characters(codec="ascii"), min_size=43, max_size=43))
def test_no_made_up_text_opens_anything(token: str) -> None:
    assert manage_token.read(SECRET, token) is None
