"""Pure decisions about slots, holds, references and who may see what."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.booking import rules
from app.booking.errors import BookingConflict, SlotInPast
from app.booking.rules import GUEST, SYSTEM, Actor, SlotFacts
from app.errors import NotFound
from app.tables.booking import SlotState

NOW = datetime(2030, 1, 7, 9, tzinfo=UTC)


def facts(state: SlotState = SlotState.OPEN, **values: Any) -> SlotFacts:
    known = {"id": 7, "starts_at": NOW + timedelta(hours=1), "hold_until": None, "fence": 0, "now": NOW}
    return SlotFacts(state=state, **known | values)


def held(seconds_left: float, **values: Any) -> SlotFacts:
    return facts(SlotState.HELD, hold_until=NOW + timedelta(seconds=seconds_left), **values)


def reason(slot: SlotFacts) -> str | None:
    refusal = rules.refusal_for(slot)
    return refusal.extras["reason"] if isinstance(refusal, BookingConflict) else refusal and refusal.code


@pytest.mark.parametrize(
    ("slot", "expected"),
    [
        (facts(), None),
        (held(-1), None),
        (held(0), None),
        (held(0.001), "SLOT_HELD"),
        (facts(SlotState.BOOKED), "SLOT_TAKEN"),
        (facts(SlotState.BLOCKED), "SLOT_BLOCKED"),
        (facts(starts_at=NOW), "SLOT_IN_PAST"),
        (facts(SlotState.BOOKED, starts_at=NOW - timedelta(hours=1)), "SLOT_IN_PAST"),
    ],
)
def test_a_slot_is_refused_for_the_true_reason(slot: SlotFacts, expected: str | None) -> None:
    assert reason(slot) == expected


@pytest.mark.parametrize(("left", "told"), [(0.001, 1), (1, 1), (1.2, 2), (119.5, 120)])
def test_the_seconds_left_are_never_told_too_few(left: float, told: int) -> None:
    refusal = rules.refusal_for(held(left))

    assert refusal is not None
    assert refusal.extras["retry_after_seconds"] == told


def test_a_slot_under_way_whose_hold_lapsed_is_free_but_cannot_be_booked() -> None:
    slot = held(-1, starts_at=NOW - timedelta(minutes=5))

    assert rules.is_free(slot)
    assert isinstance(rules.refusal_for(slot), SlotInPast)


def test_the_first_slot_by_number_speaks_for_all() -> None:
    found = [facts(SlotState.BOOKED, id=9), held(5, id=8), facts(id=7)]

    refusal = rules.refusal_of_all([7, 8, 9], found)

    assert refusal is not None
    assert (refusal.extras["reason"], refusal.extras["slot_id"]) == ("SLOT_HELD", "8")


def test_an_unknown_slot_comes_before_any_other_refusal() -> None:
    refusal = rules.refusal_of_all([7, 5], [facts(SlotState.BOOKED, id=7)])

    assert isinstance(refusal, NotFound)
    assert refusal.extras["slot_id"] == "5"


@pytest.mark.parametrize(
    ("extensions", "expires_in", "may"),
    [(0, 10, True), (9, 10, True), (10, 10, False), (0, 60, False), (0, 59, True), (0, None, True)],
)
def test_a_hold_may_be_extended_ten_times_and_until_its_latest_end(
    extensions: int, expires_in: int | None, may: bool
) -> None:
    expires_at = None if expires_in is None else NOW + timedelta(seconds=expires_in)

    assert rules.may_extend(extensions, expires_at, NOW + timedelta(seconds=60)) is may


def test_every_letter_may_stand_in_every_place_of_a_reference() -> None:
    seen = {place for _ in range(2000) for place in enumerate(rules.new_reference().replace("-", ""))}

    assert seen == {(place, letter) for place in range(6) for letter in rules.REFERENCE_LETTERS}


def test_a_reference_can_be_read_out_and_typed_in() -> None:
    reference = rules.new_reference()

    assert len(reference) == 7
    assert not set(reference.replace("-", "")) - set(rules.REFERENCE_LETTERS)
    for typed in (
        reference,
        reference.lower(),
        reference.replace("-", ""),
        f" {reference.replace('-', ' ')} ",
    ):
        assert rules.parse_reference(typed) == reference


@pytest.mark.parametrize("typed", ["", "QX7", "QX74RMA", "QX7-4R0", "QX7-4RI", "ÄÖÜ-ÄÖÜ", "------"])
def test_what_cannot_be_a_reference_is_none(typed: str) -> None:
    assert rules.parse_reference(typed) is None


@given(st.text(max_size=20))
def test_whatever_is_typed_is_a_reference_in_its_one_spelling_or_none(typed: str) -> None:
    reference = rules.parse_reference(typed)

    assert reference is None or rules.parse_reference(reference) == reference


OWNER, OTHER, BOOKING = (uuid.UUID(int=number) for number in (1, 2, 3))


@pytest.mark.parametrize(
    ("actor", "may"),
    [
        (Actor("patient", user_id=OWNER), True),
        (Actor("patient", user_id=OTHER), False),
        (Actor("staff", user_id=OTHER, is_staff=True), True),
        (Actor("staff", user_id=OTHER, is_staff=True, doctors=frozenset({7})), True),
        (Actor("staff", user_id=OTHER, is_staff=True, doctors=frozenset({8})), False),
        (Actor("patient", user_id=OTHER, doctors=None), False),
        (Actor("guest", token_for=BOOKING), True),
        (Actor("guest", token_for=OTHER), False),
        (SYSTEM, True),
        (GUEST, False),
    ],
)
def test_a_booking_is_seen_by_its_owner_its_token_and_staff(actor: Actor, may: bool) -> None:
    assert actor.may_see(BOOKING, OWNER, 7) is may


def test_a_booking_of_nobody_does_not_belong_to_every_guest() -> None:
    assert not GUEST.may_see(BOOKING, None, None)
