"""Nobody keeps what is scarce from the others: holds per person and hour, taking again (I9; attack 15)."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, update

from app.booking.actions import Claim, PatientDetails, book_interval, hold_slot, release_hold
from app.booking.overlap import Interval
from app.booking.rules import SYSTEM, Actor
from app.database import db_now
from app.errors import TooManyRequests
from app.idempotency import RequestKey
from app.tables import Booking, Slot, User
from tests.together import together

SOMEBODY = PatientDetails("Some Body", "somebody@example.org")


@pytest.fixture
def engine(desk):
    return desk.engine


@pytest.fixture
def doctor_id(desk):
    return desk.doctor_id


@pytest.fixture
def patient(engine):
    with engine.database.transaction() as tx:
        values = {"email": "p@example.org", "name": "P", "password_hash": "-"}
        user_id = tx.execute(insert(User).values(values).returning(User.id)).scalar_one()
    return Actor(f"user:{user_id}", user_id, origin="a" * 32)


@pytest.fixture
def stranger():
    return Actor("guest", origin="b" * 32)


@pytest.fixture
def slots(engine, doctor_id):
    def add(count):
        first = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)
        starts = [first + timedelta(minutes=15 * number) for number in range(count)]
        rows = [
            {"doctor_id": doctor_id, "starts_at": s, "ends_at": s + timedelta(minutes=15)} for s in starts
        ]
        with engine.database.transaction() as tx:
            return list(tx.execute(insert(Slot).returning(Slot.id), rows).scalars())

    return add


def hold(engine, slot_id, actor, **more):
    return hold_slot(engine, Claim((slot_id,), SOMEBODY, **more), actor).value


def lapse(engine, slot_id):
    with engine.database.transaction() as tx:
        owner = tx.execute(select(Slot.booking_id).where(Slot.id == slot_id)).scalar_one()
        tx.execute(update(Slot).where(Slot.id == slot_id).values(hold_until=db_now(-1)))
        tx.execute(update(Booking).where(Booking.id == owner).values(expires_at=db_now(-1)))


def state_of(engine, slot_id):
    with engine.database.read() as connection:
        return connection.execute(select(Slot.state).where(Slot.id == slot_id)).scalar_one()


def test_a_fourth_hold_is_refused_takes_nothing_and_says_when_to_come_back(engine, patient, slots):
    *first, fourth = slots(4)
    for slot_id in first:
        hold(engine, slot_id, patient)

    with pytest.raises(TooManyRequests) as refused:
        hold(engine, fourth, patient)

    assert 0 < refused.value.extras["retry_after_seconds"] <= engine.hold_seconds
    assert state_of(engine, fourth) == "OPEN"


def test_a_released_hold_makes_room_for_another(engine, patient, slots):
    *first, fourth = slots(4)
    held = [hold(engine, slot_id, patient) for slot_id in first]

    release_hold(engine, uuid.UUID(held[0]["id"]), patient)

    assert hold(engine, fourth, patient)["status"] == "PENDING"


def test_an_eleventh_booking_within_a_quarter_of_an_hour_is_refused(engine, patient, slots):
    *first, last = slots(11)
    for slot_id in first:
        hold(engine, slot_id, patient, instant=True)

    with pytest.raises(TooManyRequests) as refused:
        hold(engine, last, patient, instant=True)

    assert 0 < refused.value.extras["retry_after_seconds"] <= 900


def test_what_was_booked_longer_ago_does_not_count(engine, patient, slots):
    *first, last = slots(11)
    for slot_id in first:
        hold(engine, slot_id, patient, instant=True)
    with engine.database.transaction() as tx:
        tx.execute(update(Booking).values(created_at=db_now(-901)))

    assert hold(engine, last, patient, instant=True)["status"] == "CONFIRMED"


def test_an_appointment_by_interval_counts_as_well(engine, patient, slots, doctor_id):
    for slot_id in slots(10):
        hold(engine, slot_id, patient, instant=True)
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=9)

    with pytest.raises(TooManyRequests):
        book_interval(engine, Interval(doctor_id, start, start + timedelta(minutes=20)), SOMEBODY, patient)


def test_a_raised_limit_is_a_limit(engine, patient, slots):
    twice = replace(patient, limit_factor=2)
    *first, seventh = slots(7)
    for slot_id in first:
        hold(engine, slot_id, twice)

    with pytest.raises(TooManyRequests):
        hold(engine, seventh, twice)


def test_guests_of_one_address_share_an_allowance_and_others_have_their_own(engine, stranger, slots):
    *first, last = slots(41)
    for slot_id in first:
        hold(engine, slot_id, stranger)

    with pytest.raises(TooManyRequests):
        hold(engine, last, stranger)
    assert hold(engine, last, replace(stranger, origin="c" * 32))["status"] == "PENDING"


def test_the_system_itself_is_not_limited(engine, slots):
    held = [hold(engine, slot_id, SYSTEM)["status"] for slot_id in slots(5)]

    assert held == ["PENDING"] * 5


def test_a_time_that_lapsed_may_be_taken_again_once_then_others_come_first(engine, patient, slots):
    (slot_id,) = slots(1)
    for _ in range(2):
        hold(engine, slot_id, patient)
        lapse(engine, slot_id)

    with pytest.raises(TooManyRequests) as refused:
        hold(engine, slot_id, patient)

    assert 0 < refused.value.extras["retry_after_seconds"] <= 30
    assert hold(engine, slot_id, Actor("guest", origin="d" * 32))["status"] == "PENDING"


def test_fifty_claims_of_one_account_at_once_win_three(engine, patient, slots):
    def claim(slot_id):
        try:
            return hold(engine, slot_id, patient)["status"]
        except TooManyRequests:
            return "refused"

    outcomes = together([lambda slot_id=slot_id: claim(slot_id) for slot_id in slots(12)])

    assert sorted(outcomes) == ["PENDING"] * 3 + ["refused"] * 9


def test_a_refusal_for_now_is_not_kept_under_the_key(engine, patient, slots):
    *first, fourth = slots(4)
    held = [hold(engine, slot_id, patient) for slot_id in first]
    key = RequestKey.of("scope", "key", {"slot": fourth})
    with pytest.raises(TooManyRequests):
        hold_slot(engine, Claim((fourth,), SOMEBODY), patient, key)

    release_hold(engine, uuid.UUID(held[0]["id"]), patient)

    assert hold_slot(engine, Claim((fourth,), SOMEBODY), patient, key).value["status"] == "PENDING"


def test_a_booking_with_an_account_keeps_no_trace_of_the_address(engine, patient, stranger, slots):
    one, two = slots(2)

    hold(engine, one, patient)
    hold(engine, two, stranger)

    with engine.database.read() as connection:
        origins = {tuple(row) for row in connection.execute(select(Booking.user_id, Booking.origin))}
    assert origins == {(patient.user_id, None), (None, "b" * 32)}
