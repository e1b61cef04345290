"""A client that repeats itself books once, and announces once."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from app.booking.actions import cancel_booking
from app.booking.errors import BookingConflict
from app.errors import IdempotencyKeyReused
from app.idempotency import RequestKey
from tests.booking.conftest import ANNA, GUEST, NO_REDIS, Claim, Desk, hold_slot, owner_of
from tests.booking.promises import broken_promises
from tests.commit_cutter import Cut, commit_cutter
from tests.together import together


def request(slot_id: int, key: str = "key-1", scope: str = "guest") -> RequestKey:
    return RequestKey.of(scope, key, {"slot_id": slot_id})


@pytest.mark.parametrize("redis", ["redis", "no redis"])
def test_twenty_duplicates_on_two_nodes_make_one_booking_and_nineteen_replays(
    make_desk: Callable[..., Desk], database_url: str, redis: str
) -> None:
    options = {"redis": NO_REDIS} if redis == "no redis" else {}
    first = make_desk(database_url, **options)
    second = make_desk(database_url, node_id="node-2", doctor_id=first.doctor_id, **options)
    slot = first.add_slot()
    claim = Claim((slot,), ANNA, instant=True)

    answers = together(
        [
            lambda desk=desk: hold_slot(desk.engine, claim, GUEST, request(slot))
            for desk in (first, second)
            for _ in range(10)
        ]
    )

    assert sorted(answer.replayed for answer in answers) == [False] + [True] * 19
    assert all(answer.value == answers[0].value for answer in answers)
    assert len(first.enqueued + second.enqueued) == 1
    assert broken_promises(first.database) == []


def test_rivals_with_keys_of_their_own_have_one_winner_and_each_keeps_its_answer(desk: Desk) -> None:
    slot = desk.add_slot()
    mine, theirs = request(slot, "mine"), request(slot, "theirs")
    booking = desk.book(slot, request=mine)

    refusals = []
    for _ in range(2):
        with pytest.raises(BookingConflict) as caught:
            desk.book(slot, request=theirs)
        refusals.append(caught.value)
    cancel_booking(desk.engine, uuid.UUID(booking["id"]), owner_of(booking))
    with pytest.raises(BookingConflict) as after_it_became_free:
        desk.book(slot, request=theirs)

    assert [refusal.replayed for refusal in refusals] == [False, True]
    assert refusals[0].extras == refusals[1].extras == after_it_became_free.value.extras
    assert desk.book(slot, request=mine) == booking


def test_a_key_is_not_good_for_another_slot(desk: Desk) -> None:
    first, second = desk.add_slot(24), desk.add_slot(25)
    desk.book(first, request=request(first))

    with pytest.raises(IdempotencyKeyReused):
        desk.book(second, request=request(second))

    assert desk.slot(second).state == "OPEN"


def test_one_key_of_two_people_is_two_requests(desk: Desk) -> None:
    first, second = desk.add_slot(24), desk.add_slot(25)

    bookings = [desk.book(first, request=request(first, scope="anna")),
                desk.book(second, request=request(second, scope="bo"))]  # fmt: skip

    assert bookings[0]["id"] != bookings[1]["id"]


def test_a_repeated_cancellation_is_answered_and_announced_once(desk: Desk) -> None:
    slot = desk.add_slot()
    booking = desk.book(slot)
    key = RequestKey.of("guest", "cancel-1", {"id": booking["id"]})
    desk.published.clear()

    answers = [
        cancel_booking(desk.engine, uuid.UUID(booking["id"]), owner_of(booking), "ill", key) for _ in range(2)
    ]

    assert [answer.replayed for answer in answers] == [False, True]
    assert answers[0].value == answers[1].value
    assert [change["state"] for change in desk.published] == ["OPEN"]


def test_a_booking_whose_commit_lost_its_reply_is_found_and_announced(
    make_desk: Callable[..., Desk], postgres_url: str
) -> None:
    with commit_cutter(postgres_url) as (cutter, through):
        desk = make_desk(through)
        warm_up, slot = desk.add_slot(24), desk.add_slot(25)
        desk.book(warm_up)
        desk.published.clear()
        cutter.cut(Cut.AFTER_COMMIT_IS_DONE)

        booking = desk.book(slot, request=request(slot))

        assert cutter.cuts_made == 1
        assert booking["status"] == "CONFIRMED"
        assert [change["id"] for change in desk.published] == [str(slot)]
        assert desk.book(slot, request=request(slot)) == booking
        assert broken_promises(desk.database) == []
