"""How long a hold lasts, and that its slots live and die together."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from app.booking import actions, rules
from app.booking.actions import GUEST, Claim, PatientDetails, expire_due_holds
from app.booking.errors import HoldExpired, TooManyExtensions, WrongState
from app.clock import SystemClock
from app.coordination.stamps import Stamper
from app.database import db_now
from app.errors import ValidationFailed
from app.tables import Booking, Patient, Slot
from tests.booking.conftest import ANNA, HOLD_SECONDS, Desk, a_doctor, owner_of
from tests.booking.promises import broken_promises

LONGEST = timedelta(seconds=rules.LONGEST_HOLD_SECONDS)


def extend(desk: Desk, booking: dict[str, Any]) -> dict[str, Any]:
    return actions.extend_hold(desk.engine, uuid.UUID(booking["id"]), owner_of(booking)).value


def confirm(desk: Desk, booking: dict[str, Any]) -> dict[str, Any]:
    return actions.confirm_booking(desk.engine, uuid.UUID(booking["id"]), owner_of(booking)).value


def hold_all(desk: Desk, *slot_ids: int) -> dict[str, Any]:
    return actions.hold_slot(desk.engine, Claim(slot_ids, ANNA), GUEST).value


def stored(desk: Desk, booking: dict[str, Any]) -> Any:
    with desk.database.read() as connection:
        query = select(*Booking.__table__.columns).where(Booking.id == uuid.UUID(booking["id"]))
        return connection.execute(query).one()


def is_now(desk: Desk, booking: dict[str, Any], seconds_old: float, seconds_left: float) -> None:
    """As if the hold had begun earlier and been extended since."""
    own = uuid.UUID(booking["id"])
    with desk.database.transaction() as tx:
        tx.execute(update(Slot).where(Slot.booking_id == own).values(hold_until=db_now(seconds_left)))
        ages = {"created_at": db_now(-seconds_old), "expires_at": db_now(seconds_left)}
        tx.execute(update(Booking).where(Booking.id == own).values(ages))


def test_a_hold_lasts_its_time_by_the_clock_of_the_database(desk: Desk) -> None:
    booking = desk.hold(desk.add_slot())

    row = stored(desk, booking)

    lasts = row.expires_at - row.created_at
    assert timedelta(0) <= timedelta(seconds=HOLD_SECONDS) - lasts < timedelta(seconds=2)


@pytest.mark.parametrize("skew_ms", [-3_600_000, 2_000, 3_600_000])
def test_a_node_whose_clock_is_wrong_holds_confirms_and_refuses_like_any_other(
    desk: Desk, skew_ms: int
) -> None:
    stamper = Stamper(desk.database, "node-2", "http://127.0.0.1:0", SystemClock(skew_ms))
    wrong = replace(desk, engine=replace(desk.engine, node_id="node-2", stamper=stamper))
    kept, lapsed = wrong.hold(desk.add_slot()), wrong.hold(desk.add_slot(hours_ahead=30))
    desk.lapse_booking(uuid.UUID(lapsed["id"]))

    row = stored(desk, kept)
    missing = timedelta(seconds=HOLD_SECONDS) - (row.expires_at - row.created_at)
    confirmed = confirm(wrong, kept)
    with pytest.raises(HoldExpired):
        confirm(wrong, lapsed)

    assert timedelta(0) <= missing < timedelta(seconds=2)
    assert confirmed["status"] == "CONFIRMED"


def test_an_extension_never_reaches_beyond_the_longest_hold(desk: Desk) -> None:
    slot = desk.add_slot()
    booking = desk.hold(slot)
    is_now(desk, booking, seconds_old=rules.LONGEST_HOLD_SECONDS - 60, seconds_left=30)

    extend(desk, booking)

    row = stored(desk, booking)
    assert row.expires_at == desk.slot(slot).hold_until
    assert row.expires_at - row.created_at == LONGEST


def test_a_hold_at_its_longest_cannot_be_extended_again(desk: Desk) -> None:
    booking = desk.hold(desk.add_slot())
    is_now(desk, booking, seconds_old=rules.LONGEST_HOLD_SECONDS - 60, seconds_left=30)
    extend(desk, booking)

    with pytest.raises(TooManyExtensions):
        extend(desk, booking)


def test_a_hold_can_be_extended_ten_times(desk: Desk) -> None:
    booking = desk.hold(desk.add_slot())
    for _ in range(rules.MOST_EXTENSIONS):
        extended = extend(desk, booking)

    with pytest.raises(TooManyExtensions):
        extend(desk, booking)

    assert extended["extensions"] == rules.MOST_EXTENSIONS


def test_a_lapsed_hold_cannot_be_extended(desk: Desk) -> None:
    slot = desk.add_slot()
    booking = desk.hold(slot)
    desk.lapse(slot)

    with pytest.raises(HoldExpired):
        extend(desk, booking)


def test_a_confirmed_booking_cannot_be_extended_or_released(desk: Desk) -> None:
    booking = desk.book(desk.add_slot())

    with pytest.raises(WrongState):
        extend(desk, booking)
    with pytest.raises(WrongState):
        actions.release_hold(desk.engine, uuid.UUID(booking["id"]), owner_of(booking))


def test_a_booking_never_outlives_the_first_of_its_slots(desk: Desk) -> None:
    slots = [desk.add_slot(24 + number) for number in range(rules.MOST_SLOTS)]
    booking = extend(desk, hold_all(desk, *slots))

    deadlines = [desk.slot(slot).hold_until for slot in slots]

    assert stored(desk, booking).expires_at == min(deadlines)


@pytest.mark.parametrize("action", [extend, confirm])
def test_a_hold_that_lost_one_of_its_slots_is_over(desk: Desk, action: Any) -> None:
    first, second = desk.add_slot(24), desk.add_slot(25)
    booking = hold_all(desk, first, second)
    with desk.database.transaction() as tx:
        tx.execute(update(Slot).where(Slot.id == first).values(hold_until=db_now(-1)))

    with pytest.raises(HoldExpired):
        action(desk, booking)

    assert desk.slot(second).state == "HELD"


def test_the_slots_of_a_lapsed_hold_go_to_different_people(desk: Desk) -> None:
    first, second, third = (desk.add_slot(hours) for hours in (24, 25, 26))
    sleeper = hold_all(desk, first, second, third)
    desk.lapse(first)

    taken = desk.book(first)
    held = desk.hold(second)
    swept = expire_due_holds(desk.engine)

    assert (taken["status"], held["status"], swept) == ("CONFIRMED", "PENDING", 1)
    assert stored(desk, sleeper).status == "EXPIRED"
    assert [desk.slot(slot).state for slot in (first, second, third)] == ["BOOKED", "HELD", "OPEN"]
    assert broken_promises(desk.database) == []


def test_slots_of_two_doctors_are_not_one_booking(desk: Desk) -> None:
    ours, theirs = desk.add_slot(), desk.add_slot(doctor_id=a_doctor(desk.database))

    with pytest.raises(ValidationFailed) as caught:
        hold_all(desk, ours, theirs)

    assert caught.value.extras["errors"][0]["field"] == "slot_ids"
    assert desk.slot(ours).state == "OPEN"


@pytest.mark.parametrize("count", [0, rules.MOST_SLOTS + 1])
def test_a_claim_names_one_to_ten_slots(desk: Desk, count: int) -> None:
    with pytest.raises(ValidationFailed):
        hold_all(desk, *range(count))


def test_a_slot_named_twice_is_taken_once(desk: Desk) -> None:
    slot = desk.add_slot()

    booking = hold_all(desk, slot, slot)

    assert [claimed["id"] for claimed in booking["slots"]] == [str(slot)]


@pytest.mark.parametrize("name", ["", "Bo Example"])
def test_an_unknown_patient_is_refused(desk: Desk, name: str) -> None:
    slot = desk.add_slot()
    stranger = PatientDetails(name, patient_id=uuid.uuid4())

    with pytest.raises(ValidationFailed) as caught:
        actions.hold_slot(desk.engine, Claim((slot,), stranger), GUEST)

    assert caught.value.extras["errors"][0]["field"] == "patient_id"
    assert desk.slot(slot).state == "OPEN"


def test_a_known_patient_needs_no_name_typed(desk: Desk) -> None:
    values = {"name": "Cy Known", "email": "cy@example.org", "phone": "+49 30 7654321"}
    with desk.database.transaction() as tx:
        patient = tx.execute(insert(Patient).values(values).returning(Patient.id)).scalar_one()
    known = PatientDetails("", reason="check-up", patient_id=patient)

    booking = actions.hold_slot(desk.engine, Claim((desk.add_slot(),), known, instant=True), GUEST).value

    assert [booking[f"patient_{field}"] for field in ("name", "email", "phone")] == list(values.values())
    assert (booking["patient_id"], booking["reason"]) == (str(patient), "check-up")
