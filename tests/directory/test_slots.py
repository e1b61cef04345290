from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from app.directory.doctors import delete_doctor
from app.directory.removal import Removal, decide_removal
from app.directory.slots import SlotDraft, create_slot, delete_slot
from app.errors import Conflict, NotFound, Refusal, ValidationFailed
from app.idempotency import RequestKey
from app.tables import SlotState
from tests.directory.conftest import ADMIN, NINE_TOMORROW, House

HALF_AN_HOUR = timedelta(minutes=30)


def create(house: House, doctor: int, starts: datetime = NINE_TOMORROW, minutes: int = 30, **more) -> dict:
    return create_slot(house.directory, SlotDraft(doctor, starts, minutes, **more), ADMIN).value


def test_a_slot_is_made_and_told_to_others(house: House) -> None:
    doctor = house.add_doctor()

    made = create(house, doctor)

    assert made["starts_at"] == NINE_TOMORROW.isoformat().replace("+00:00", "Z")
    assert (made["duration_minutes"], made["state"], made["is_available"]) == (30, "OPEN", True)
    assert (made["doctor_name"], made["specialization"]) == ("Dr Ada Probe", "Cardiology")
    assert [change["id"] for change in house.changes()] == [made["id"]]
    assert house.published == house.changes()


def test_a_wall_clock_start_is_read_in_the_zone_of_the_doctor(house: House) -> None:
    doctor = house.add_doctor(timezone="America/New_York")

    made = create(house, doctor, datetime.fromisoformat("2099-07-01T09:00"))

    assert made["starts_at"] == "2099-07-01T13:00:00Z"
    assert (made["slot_date"], made["slot_time"], made["timezone"]) == (
        "2099-07-01", "09:00", "America/New_York",
    )  # fmt: skip


@pytest.mark.parametrize(("shift", "minutes"), [(0, 30), (0, 10), (-15, 30), (15, 30), (-30, 90), (10, 5)])
def test_a_slot_that_overlaps_another_is_refused(house: House, shift: int, minutes: int) -> None:
    doctor = house.add_doctor()
    create(house, doctor)

    with pytest.raises(Conflict) as caught:
        create(house, doctor, NINE_TOMORROW + timedelta(minutes=shift), minutes)

    assert caught.value.extras["reason"] == "OVERLAP"
    assert len(house.slots()) == 1


def test_touching_slots_and_those_of_another_doctor_are_welcome(house: House) -> None:
    doctor, other = house.add_doctor(), house.add_doctor("Dr Bo")
    create(house, doctor)

    create(house, doctor, NINE_TOMORROW + HALF_AN_HOUR)
    create(house, doctor, NINE_TOMORROW - HALF_AN_HOUR)
    create(house, other)

    assert len(house.slots()) == 4


def test_time_that_stepped_aside_for_an_appointment_is_not_given_away(house: House) -> None:
    doctor = house.add_doctor()
    house.add_slot(doctor, state="BLOCKED", block_reason="stepped_aside")

    with pytest.raises(Conflict):
        create(house, doctor)


@pytest.mark.parametrize(
    ("starts", "minutes", "field"),
    [
        (datetime(2020, 1, 1, tzinfo=UTC), 30, "starts_at"),
        (datetime(9000, 1, 1, tzinfo=UTC), 30, "starts_at"),
        (datetime.fromisoformat("2027-03-28T02:30"), 30, "starts_at"),
        (NINE_TOMORROW, 4, "duration_minutes"),
        (NINE_TOMORROW, 481, "duration_minutes"),
    ],
)
def test_a_slot_that_cannot_be_names_the_field(
    house: House, starts: datetime, minutes: int, field: str
) -> None:
    doctor = house.add_doctor()

    with pytest.raises(ValidationFailed) as caught:
        create(house, doctor, starts, minutes)

    assert caught.value.extras["errors"][0]["field"] == field


def test_a_refusal_names_the_start_as_the_request_called_it(house: House) -> None:
    doctor = house.add_doctor()

    with pytest.raises(ValidationFailed) as caught:
        create(house, doctor, datetime.fromisoformat("2020-01-01T09:00"), starts_field="slot_time")

    assert caught.value.extras["errors"][0]["field"] == "slot_time"


def test_there_are_no_slots_without_a_doctor(house: House) -> None:
    gone = house.add_doctor()
    delete_doctor(house.directory, gone, ADMIN)

    for doctor in (gone, 4711):
        with pytest.raises(NotFound):
            create(house, doctor)


def test_a_repeated_request_gets_the_first_answer(house: House) -> None:
    draft = SlotDraft(house.add_doctor(), NINE_TOMORROW, 30)
    request = RequestKey.of("user:1", "key-1", {"doctor_id": draft.doctor_id})

    first = create_slot(house.directory, draft, ADMIN, request)
    second = create_slot(house.directory, draft, ADMIN, request)

    assert (second.replayed, second.value) == (True, first.value)
    assert len(house.published) == 1


def test_of_many_who_make_the_same_slot_one_does(house: House) -> None:
    doctor = house.add_doctor()

    def attempt(number: int) -> str:
        try:
            return create(house, doctor, NINE_TOMORROW + timedelta(minutes=number))["state"]
        except Refusal as refusal:
            return refusal.code

    with ThreadPoolExecutor(8) as pool:
        outcomes = sorted(pool.map(attempt, range(8)))

    assert outcomes == ["CONFLICT"] * 7 + ["OPEN"]


def test_a_slot_nobody_ever_booked_is_erased(house: House) -> None:
    slot = house.add_slot(house.add_doctor())

    removed = delete_slot(house.directory, slot, ADMIN).value

    assert removed == {"id": str(slot), "outcome": "DELETED", "message": "Slot deleted"}
    assert house.slots() == []
    assert house.changes()[-1]["deleted"] is True
    assert (house.changes()[-1]["state"], house.changes()[-1]["version"]) == ("BLOCKED", 2)


def test_a_slot_with_a_past_booking_is_closed_and_stays(house: House) -> None:
    slot = house.add_slot(house.add_doctor())
    house.cancel(house.book(slot))

    removed = delete_slot(house.directory, slot, ADMIN).value

    assert removed["outcome"] == "CLOSED"
    assert "past bookings are kept" in removed["message"]
    assert (house.slot(slot).state, house.slot(slot).block_reason) == ("BLOCKED", "closed")
    assert house.changes()[-1]["version"] == house.slot(slot).version


def test_a_booked_slot_is_not_taken_away(house: House) -> None:
    slot = house.add_slot(house.add_doctor())
    house.book(slot)

    with pytest.raises(Conflict) as caught:
        delete_slot(house.directory, slot, ADMIN)

    assert caught.value.extras["reason"] == "SLOT_TAKEN"
    assert house.slot(slot).state == "BOOKED"


def test_a_held_slot_is_not_taken_away(house: House) -> None:
    slot = house.add_slot(house.add_doctor())
    house.hold(slot)

    with pytest.raises(Conflict) as caught:
        delete_slot(house.directory, slot, ADMIN)

    assert caught.value.extras["reason"] == "SLOT_HELD"


def test_a_slot_that_is_gone_is_not_found(house: House) -> None:
    doctor = house.add_doctor()
    closed = house.add_slot(doctor)
    house.cancel(house.book(closed))
    delete_slot(house.directory, closed, ADMIN)

    for slot in (closed, 4711):
        with pytest.raises(NotFound):
            delete_slot(house.directory, slot, ADMIN)


def test_booking_and_deleting_one_slot_at_once_never_both_succeed(house: House) -> None:
    doctor = house.add_doctor()
    slots = [house.add_slot(doctor, NINE_TOMORROW + number * HALF_AN_HOUR) for number in range(12)]

    def attempt(work) -> bool:
        try:
            work()
        except Refusal:
            return False
        return True

    def race(slot: int) -> tuple[bool, bool]:
        with ThreadPoolExecutor(2) as pool:
            booked = pool.submit(attempt, lambda: house.book(slot))
            deleted = pool.submit(attempt, lambda: delete_slot(house.directory, slot, ADMIN))
            return booked.result(), deleted.result()

    outcomes = [race(slot) for slot in slots]

    assert all(booked != deleted for booked, deleted in outcomes)
    assert [slot.state for slot in house.slots()] == ["BOOKED"] * sum(booked for booked, _ in outcomes)


@pytest.mark.parametrize(
    ("state", "reason", "was_booked", "removal"),
    [
        (SlotState.OPEN, None, False, Removal.DELETED),
        (SlotState.OPEN, None, True, Removal.CLOSED),
        (SlotState.BLOCKED, "stepped_aside", True, Removal.CLOSED),
        (SlotState.BLOCKED, "stepped_aside", False, Removal.DELETED),
        (SlotState.BLOCKED, "closed", False, Removal.DELETED),
    ],
)
def test_what_was_booked_is_closed_and_the_rest_is_erased(state, reason, was_booked, removal) -> None:
    assert decide_removal(state, reason, False, was_booked) is removal


def test_the_time_of_an_ended_appointment_is_not_a_slot_to_delete() -> None:
    with pytest.raises(NotFound):
        decide_removal(SlotState.BLOCKED, "retired", True, True)
