"""Seats on the engine of the appointments: the same actions, all or nothing, one countdown (A28)."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from sqlalchemy import select, update

from app.booking import actions
from app.booking.actions import GUEST, Claim, SeatWish
from app.booking.errors import BookingConflict, HoldExpired, SlotInPast, WrongState
from app.booking.expiry import expire_due_holds
from app.booking.reading import BookingFilter, bookings_after, count_bookings
from app.database import db_now
from app.errors import NotFound, ValidationFailed
from app.idempotency import RequestKey
from app.tables import OutboxEntry, Slot
from tests.booking.conftest import ANNA, Desk, owner_of
from tests.booking.promises import broken_promises
from tests.cinema import TOMORROW, Cinema, block


@pytest.fixture
def cinema(desk: Desk) -> Cinema:
    return Cinema.on(desk.database)


@pytest.fixture
def seats(cinema: Cinema) -> dict[str, int]:
    """Nine seats of one showtime, by label."""
    return cinema.ids(cinema.add_showtime())


def hold(desk: Desk, *slot_ids: int, **options: Any) -> dict[str, Any]:
    return actions.hold_slot(desk.engine, Claim(slot_ids, ANNA), GUEST, **options).value


def book(desk: Desk, *slot_ids: int) -> dict[str, Any]:
    return actions.hold_slot(desk.engine, Claim(slot_ids, ANNA, instant=True), GUEST).value


def labels(booking: dict[str, Any]) -> list[str]:
    return [f"{slot['row']}{slot['number']}" for slot in booking["slots"]]


def states(desk: Desk, seats: dict[str, int]) -> dict[str, str]:
    return {label: str(desk.slot(slot_id).state) for label, slot_id in seats.items()}


def test_seats_are_held_and_confirmed_like_a_time(desk: Desk, seats: dict[str, int]) -> None:
    held = hold(desk, seats["B2"], seats["B1"])
    confirmed = actions.confirm_booking(desk.engine, uuid.UUID(held["id"]), owner_of(held)).value

    assert labels(confirmed) == ["B1", "B2"]
    assert (confirmed["status"], confirmed["reference"]) == ("CONFIRMED", held["reference"])
    assert (confirmed["doctor_id"], confirmed["doctor"]) == (None, None)
    assert confirmed["showtime"]["movie"]["title"] == "The Long Way"
    assert confirmed["showtime"]["total"] == "25.00"
    assert confirmed["timezone"] == "Europe/Berlin"
    assert confirmed["starts_at"] == TOMORROW.isoformat().replace("+00:00", "Z")
    assert broken_promises(desk.database) == []


def test_a_conflict_says_which_seats_and_why_and_takes_none(desk: Desk, seats: dict[str, int]) -> None:
    book(desk, seats["B1"])
    hold(desk, seats["B2"])

    with pytest.raises(BookingConflict) as caught:
        hold(desk, seats["B1"], seats["B2"], seats["B3"])

    extras = caught.value.extras
    assert extras["reason"] == "SLOT_TAKEN"
    assert [(seat["row"], seat["number"], seat["reason"]) for seat in extras["seats"]] == [
        ("B", 1, "SLOT_TAKEN"),
        ("B", 2, "SLOT_HELD"),
    ]
    assert extras["seats"][1]["retry_after_seconds"] > 100
    assert caught.value.detail.startswith("Seat B1 is already sold. Seat B2 is being booked by somebody")
    assert not caught.value.retryable
    assert desk.slot(seats["B3"]).state == "OPEN"


def test_seats_that_are_only_held_may_come_back(desk: Desk, seats: dict[str, int]) -> None:
    hold(desk, seats["B1"], seats["B2"])

    with pytest.raises(BookingConflict) as caught:
        hold(desk, seats["B1"], seats["B2"])

    assert caught.value.retryable
    assert caught.value.extras["retry_after_seconds"] > 100
    assert "Seats B1 and B2 are being booked by somebody right now; they may be free" in caught.value.detail


def test_the_nearest_free_seats_of_the_same_kind_are_offered_instead(
    desk: Desk, seats: dict[str, int]
) -> None:
    book(desk, seats["B4"])

    with pytest.raises(BookingConflict) as caught:
        book(desk, seats["B4"])

    offered = [f"{seat['row']}{seat['number']}" for seat in caught.value.extras["alternatives"]]
    assert offered == ["B3", "B5", "A4"]


def test_seats_of_two_showtimes_or_a_seat_and_a_time_are_no_claim(
    desk: Desk, cinema: Cinema, seats: dict[str, int]
) -> None:
    other = cinema.ids(cinema.add_showtime())
    time = desk.add_slot()

    for slot_ids in ((seats["B1"], other["B1"]), (seats["B1"], time)):
        with pytest.raises(ValidationFailed):
            hold(desk, *slot_ids)

    assert {desk.slot(slot_id).state for slot_id in (seats["B1"], other["B1"], time)} == {"OPEN"}


def test_a_claim_has_at_most_ten_seats(desk: Desk, cinema: Cinema) -> None:
    many = list(cinema.ids(cinema.add_showtime(block(2, 8))).values())

    assert len(hold(desk, *many[:10])["slots"]) == 10
    with pytest.raises(ValidationFailed):
        hold(desk, *many[5:16])


def test_a_show_that_has_begun_sells_nothing(desk: Desk, cinema: Cinema, seats: dict[str, int]) -> None:
    with desk.database.transaction() as tx:
        tx.execute(update(Slot).where(Slot.showtime_id.is_not(None)).values(starts_at=db_now(-60)))

    with pytest.raises(SlotInPast, match="begun"):
        hold(desk, seats["B1"], seats["B2"])


def test_a_hold_warns_of_a_seat_left_alone_and_is_given_all_the_same(
    desk: Desk, seats: dict[str, int]
) -> None:
    held = hold(desk, seats["B4"])

    assert held["status"] == "PENDING"
    assert [warning["message"] for warning in held["warnings"]] == [
        "Seat B3 would be left alone between taken seats.",
        "Seat B5 would be left alone between taken seats.",
    ]


def test_adding_a_seat_does_not_restart_the_countdown(desk: Desk, seats: dict[str, int]) -> None:
    held = hold(desk, seats["B3"])
    booking_id = uuid.UUID(held["id"])

    more = actions.add_slots(desk.engine, booking_id, [seats["B4"], seats["B5"]], owner_of(held)).value

    assert labels(more) == ["B3", "B4", "B5"]
    assert more["expires_at"] == held["expires_at"]
    assert more["showtime"]["total"] == "37.50"
    deadlines = {desk.slot(seats[label]).hold_until for label in ("B3", "B4", "B5")}
    assert len(deadlines) == 1
    assert actions.confirm_booking(desk.engine, booking_id, owner_of(held)).value["status"] == "CONFIRMED"
    assert broken_promises(desk.database) == []


def test_adding_what_is_in_the_hold_already_changes_nothing(desk: Desk, seats: dict[str, int]) -> None:
    held = hold(desk, seats["B3"])
    before = desk.slot(seats["B3"])

    again = actions.add_slots(desk.engine, uuid.UUID(held["id"]), [seats["B3"]], owner_of(held)).value

    assert labels(again) == ["B3"]
    assert desk.slot(seats["B3"]) == before


def test_a_seat_that_cannot_be_added_leaves_the_hold_as_it_was(desk: Desk, seats: dict[str, int]) -> None:
    book(desk, seats["B5"])
    held = hold(desk, seats["B3"])

    with pytest.raises(BookingConflict) as caught:
        actions.add_slots(desk.engine, uuid.UUID(held["id"]), [seats["B4"], seats["B5"]], owner_of(held))

    assert [seat["number"] for seat in caught.value.extras["seats"]] == [5]
    assert states(desk, seats)["B4"] == "OPEN"
    assert desk.slot(seats["B3"]).state == "HELD"


def test_a_hold_takes_no_more_than_ten_and_only_of_its_own_showtime(desk: Desk, cinema: Cinema) -> None:
    many = list(cinema.ids(cinema.add_showtime(block(2, 8))).values())
    elsewhere = next(iter(cinema.ids(cinema.add_showtime()).values()))
    held = hold(desk, *many[:9])

    for wanted in (many[9:11], [elsewhere]):
        with pytest.raises(ValidationFailed):
            actions.add_slots(desk.engine, uuid.UUID(held["id"]), wanted, owner_of(held))

    assert broken_promises(desk.database) == []


def test_a_seat_can_be_taken_out_of_a_hold_and_is_free_at_once(desk: Desk, seats: dict[str, int]) -> None:
    held = hold(desk, seats["B3"], seats["B4"])

    fewer = actions.drop_slots(desk.engine, uuid.UUID(held["id"]), [seats["B3"]], owner_of(held)).value

    assert labels(fewer) == ["B4"]
    assert fewer["expires_at"] == held["expires_at"]
    assert book(desk, seats["B3"])["status"] == "CONFIRMED"
    assert broken_promises(desk.database) == []


def test_the_last_seat_of_a_hold_is_released_and_not_dropped(desk: Desk, seats: dict[str, int]) -> None:
    held = hold(desk, seats["B3"])

    with pytest.raises(ValidationFailed):
        actions.drop_slots(desk.engine, uuid.UUID(held["id"]), [seats["B3"]], owner_of(held))


@pytest.mark.parametrize("change", [actions.add_slots, actions.drop_slots])
def test_only_a_hold_that_stands_can_be_changed_and_only_by_its_owner(
    desk: Desk, seats: dict[str, int], change: Any
) -> None:
    held, other = hold(desk, seats["B1"], seats["B2"]), hold(desk, seats["B4"], seats["B5"])
    actions.confirm_booking(desk.engine, uuid.UUID(other["id"]), owner_of(other))

    with pytest.raises(NotFound):
        change(desk.engine, uuid.UUID(held["id"]), [seats["B1"]], GUEST)
    with pytest.raises(WrongState):
        change(desk.engine, uuid.UUID(other["id"]), [seats["B4"]], owner_of(other))
    desk.lapse(seats["B1"])
    with pytest.raises(HoldExpired):
        change(desk.engine, uuid.UUID(held["id"]), [seats["B1"]], owner_of(held))


def test_more_time_is_more_time_for_every_seat(desk: Desk, seats: dict[str, int]) -> None:
    held = hold(desk, seats["B3"])
    booking_id = uuid.UUID(held["id"])
    actions.add_slots(desk.engine, booking_id, [seats["B4"]], owner_of(held))

    longer = actions.extend_hold(desk.engine, booking_id, owner_of(held)).value

    assert longer["expires_at"] > held["expires_at"]
    assert broken_promises(desk.database) == []


def test_all_seats_of_a_hold_lapse_together_and_the_booking_still_names_them(
    desk: Desk, seats: dict[str, int]
) -> None:
    held = hold(desk, seats["B3"], seats["B4"], seats["B5"])
    actions.drop_slots(desk.engine, uuid.UUID(held["id"]), [seats["B5"]], owner_of(held))
    desk.lapse(seats["B3"])

    freed = expire_due_holds(desk.engine)

    assert freed == 2
    with desk.database.read() as connection:
        (booking,) = bookings_after(connection, BookingFilter(), None, 5)
    assert booking["status"] == "EXPIRED"
    assert labels(booking) == ["B3", "B4"]
    assert set(states(desk, seats).values()) == {"OPEN"}


def test_one_seat_of_a_lapsed_hold_taken_by_another_ends_the_whole_hold(
    desk: Desk, seats: dict[str, int]
) -> None:
    sleeper = hold(desk, seats["B3"], seats["B4"])
    desk.lapse(seats["B3"])

    book(desk, seats["B4"])

    with pytest.raises(HoldExpired):
        actions.confirm_booking(desk.engine, uuid.UUID(sleeper["id"]), owner_of(sleeper))
    expire_due_holds(desk.engine)
    assert states(desk, seats)["B3"] == "OPEN"
    assert broken_promises(desk.database) == []


def test_cancelling_frees_every_seat_and_tells_the_stream_of_the_showtime(
    desk: Desk, seats: dict[str, int]
) -> None:
    booking = book(desk, seats["B1"], seats["B2"])

    cancelled = actions.cancel_booking(desk.engine, uuid.UUID(booking["id"]), owner_of(booking)).value

    assert labels(cancelled) == ["B1", "B2"]
    assert states(desk, seats)["B1"] == "OPEN"
    assert [change["showtime_id"] for change in desk.published] == [booking["showtime_id"]] * 2
    assert "doctor_id" not in desk.published[1]
    told = [[(slot["id"], slot["state"]) for slot in change["slots"]] for change in desk.published]
    pair = [str(seats["B1"]), str(seats["B2"])]
    assert told == [[(seat, "BOOKED") for seat in pair], [(seat, "OPEN") for seat in pair]]
    with desk.database.read() as connection:
        stream = select(OutboxEntry.seq, OutboxEntry.kind, OutboxEntry.payload).where(
            OutboxEntry.stream == f"showtime:{booking['showtime_id']}"
        )
        _made, *entries = [tuple(row) for row in connection.execute(stream.order_by(OutboxEntry.seq))]
    assert entries == [(2, "slots", desk.published[0]), (3, "slots", desk.published[1])]


def test_seats_move_to_as_many_other_seats_keeping_what_stays(desk: Desk, seats: dict[str, int]) -> None:
    booking = book(desk, seats["B3"], seats["B4"])
    booking_id = uuid.UUID(booking["id"])

    moved = actions.reschedule_booking(
        desk.engine, booking_id, [seats["B4"], seats["B5"]], owner_of(booking)
    ).value

    assert labels(moved) == ["B4", "B5"]
    assert (moved["reference"], moved["sequence"]) == (booking["reference"], 1)
    assert states(desk, seats)["B3"] == "OPEN"
    assert broken_promises(desk.database) == []


def test_seats_move_to_another_showtime(desk: Desk, cinema: Cinema, seats: dict[str, int]) -> None:
    later = cinema.ids(cinema.add_showtime())
    booking = book(desk, seats["B3"])

    moved = actions.reschedule_booking(
        desk.engine, uuid.UUID(booking["id"]), later["A4"], owner_of(booking)
    ).value

    assert moved["showtime_id"] != booking["showtime_id"]
    assert labels(moved) == ["A4"]
    assert broken_promises(desk.database) == []


def test_a_move_that_loses_a_seat_keeps_the_old_ones(desk: Desk, seats: dict[str, int]) -> None:
    booking = book(desk, seats["B1"], seats["B2"])
    book(desk, seats["B5"])

    with pytest.raises(BookingConflict) as caught:
        actions.reschedule_booking(
            desk.engine, uuid.UUID(booking["id"]), [seats["B4"], seats["B5"]], owner_of(booking)
        )

    assert [seat["number"] for seat in caught.value.extras["seats"]] == [5]
    assert (states(desk, seats)["B1"], states(desk, seats)["B4"]) == ("BOOKED", "OPEN")


def test_seats_move_to_seats_and_times_to_times_and_no_seat_is_lost_or_won(
    desk: Desk, cinema: Cinema, seats: dict[str, int]
) -> None:
    other = cinema.ids(cinema.add_showtime())
    time = desk.add_slot()
    show, visit = book(desk, seats["B1"], seats["B2"]), desk.book(desk.add_slot(30))

    for booking, wanted in (
        (show, [seats["B3"]]),
        (show, [time]),
        (show, [seats["B3"], other["B1"]]),
        (show, [seats["B2"], other["B1"]]),
        (visit, [seats["B5"]]),
        (show, [seats["B1"], seats["B2"]]),
    ):
        with pytest.raises(ValidationFailed):
            actions.reschedule_booking(desk.engine, uuid.UUID(booking["id"]), wanted, owner_of(booking))

    assert broken_promises(desk.database) == []


def test_a_repeated_request_gives_the_same_seats(desk: Desk, seats: dict[str, int]) -> None:
    key = RequestKey.of("guest", "k1", {"slot_ids": [1]})

    first = hold(desk, seats["B1"], seats["B2"], request=key)
    again = actions.hold_slot(desk.engine, Claim((seats["B1"], seats["B2"]), ANNA), GUEST, request=key)

    assert again.replayed
    assert again.value == first


def test_lists_and_counts_treat_seats_and_times_alike(desk: Desk, seats: dict[str, int]) -> None:
    show, visit = book(desk, seats["B1"]), desk.book(desk.add_slot())

    with desk.database.read() as connection:
        everything = bookings_after(connection, BookingFilter(), None, 5)
        of_show = bookings_after(connection, BookingFilter(showtime_id=int(show["showtime_id"])), None, 5)
        counted = count_bookings(connection, BookingFilter())

    assert {booking["id"] for booking in everything} == {show["id"], visit["id"]}
    assert [booking["id"] for booking in of_show] == [show["id"]]
    assert counted["by_status"]["CONFIRMED"] == 2


def test_the_best_seats_are_chosen_and_held_in_one_step(desk: Desk, cinema: Cinema) -> None:
    showtime = cinema.add_showtime(block(7, 9))
    claim = actions.BestClaim(showtime, SeatWish(3), ANNA)

    held = actions.hold_best(desk.engine, claim, GUEST).value

    assert labels(held) == ["E4", "E5", "E6"]
    assert (held["status"], held["patient_name"]) == ("PENDING", ANNA.name)
    assert broken_promises(desk.database) == []


def test_the_next_caller_gets_the_next_best(desk: Desk, cinema: Cinema) -> None:
    showtime = cinema.add_showtime(block(3, 4))
    got = [
        labels(
            actions.hold_best(
                desk.engine, actions.BestClaim(showtime, SeatWish(2), ANNA, instant=True), GUEST
            ).value
        )
        for _ in range(6)
    ]

    assert len({label for pair in got for label in pair}) == 12
    with pytest.raises(BookingConflict) as caught:
        actions.hold_best(desk.engine, actions.BestClaim(showtime, SeatWish(1), ANNA), GUEST)
    assert caught.value.extras["reason"] == "SOLD_OUT"
    assert caught.value.extras["free_seats"] == 0


def test_a_lapsed_hold_counts_as_free_for_the_best(desk: Desk, cinema: Cinema) -> None:
    showtime = cinema.add_showtime(block(1, 2))
    (first, _) = cinema.ids(showtime).values()
    sleeper = actions.hold_best(desk.engine, actions.BestClaim(showtime, SeatWish(2), None), GUEST).value
    desk.lapse(first)

    got = actions.hold_best(desk.engine, actions.BestClaim(showtime, SeatWish(2), ANNA), GUEST).value

    assert labels(got) == labels(sleeper)
    assert broken_promises(desk.database) == []


@pytest.mark.parametrize(
    ("wish", "refusal"), [(SeatWish(0), ValidationFailed), (SeatWish(11), ValidationFailed),
                          (SeatWish(1, zone="Moon"), ValidationFailed)]
)  # fmt: skip
def test_a_wish_that_makes_no_sense_is_refused(
    desk: Desk, cinema: Cinema, wish: SeatWish, refusal: Any
) -> None:
    with pytest.raises(refusal):
        actions.hold_best(desk.engine, actions.BestClaim(cinema.add_showtime(), wish, ANNA), GUEST)


def test_the_best_of_an_unknown_or_begun_show_is_refused(desk: Desk, cinema: Cinema) -> None:
    showtime = cinema.add_showtime()
    with desk.database.transaction() as tx:
        tx.exec_driver_sql("UPDATE showtimes SET starts_at = created_at")

    with pytest.raises(SlotInPast):
        actions.hold_best(desk.engine, actions.BestClaim(showtime, SeatWish(1), ANNA), GUEST)
    with pytest.raises(NotFound):
        actions.hold_best(desk.engine, actions.BestClaim(4711, SeatWish(1), ANNA), GUEST)
