from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from app.directory.directory import Directory
from app.directory.doctors import (
    DoctorDraft,
    create_doctor,
    delete_doctor,
    list_doctors,
    list_specializations,
    read_doctor,
    update_doctor,
)
from app.errors import Conflict, NotFound, Refusal
from app.idempotency import RequestKey
from app.tables import Doctor
from tests.directory.conftest import ADMIN, NINE_TOMORROW, House

ADA = DoctorDraft(
    "Dr Ada Probe", "Cardiology", "Europe/Berlin", "ada@example.org", "+49 30 1", 12, "St Example"
)


def test_a_doctor_is_created_read_and_changed(house: House) -> None:
    made = create_doctor(house.directory, ADA, ADMIN).value
    changed = update_doctor(house.directory, int(made["id"]), {"hospital": None, "name": "Dr A"}, ADMIN).value
    with house.database.read() as connection:
        found = read_doctor(connection, int(made["id"]))

    assert made["email"] == "ada@example.org"
    assert made["experience_years"] == 12
    assert made["created_at"].endswith("Z")
    assert found == changed
    assert (found["name"], found["hospital"], found["phone"]) == ("Dr A", None, "+49 30 1")


def test_two_doctors_cannot_share_an_address(house: House) -> None:
    create_doctor(house.directory, ADA, ADMIN)
    other = house.add_doctor("Dr Bo", email="bo@example.org")

    with pytest.raises(Conflict) as on_create:
        create_doctor(house.directory, ADA, ADMIN)
    with pytest.raises(Conflict) as on_update:
        update_doctor(house.directory, other, {"email": "ada@example.org"}, ADMIN)

    assert on_create.value.extras["errors"][0]["field"] == "email"
    assert on_update.value.extras["errors"][0]["field"] == "email"


def test_a_repeated_request_makes_one_doctor(house: House) -> None:
    request = RequestKey.of("user:1", "key-1", {"name": ADA.name})

    first = create_doctor(house.directory, ADA, ADMIN, request)
    second = create_doctor(house.directory, ADA, ADMIN, request)

    assert second.replayed
    assert first.value == second.value


def test_a_doctor_who_is_unknown_is_not_found(house: House) -> None:
    with house.database.read() as connection, pytest.raises(NotFound):
        read_doctor(connection, 4711)
    with pytest.raises(NotFound):
        update_doctor(house.directory, 4711, {"name": "Dr No"}, ADMIN)
    with pytest.raises(NotFound):
        delete_doctor(house.directory, 4711, ADMIN)


def test_a_deleted_doctor_is_gone_and_the_open_times_are_closed(house: House) -> None:
    doctor = house.add_doctor(email="ada@example.org")
    slot = house.add_slot(doctor)
    past = house.add_slot(doctor, NINE_TOMORROW - timedelta(days=9))

    delete_doctor(house.directory, doctor, ADMIN)

    with house.database.read() as connection, pytest.raises(NotFound):
        read_doctor(connection, doctor)
    assert (house.slot(slot).state, house.slot(slot).block_reason) == ("BLOCKED", "closed")
    assert house.slot(slot).version == 2
    assert house.slot(past).state == "OPEN"
    assert [change["id"] for change in house.changes()[-1]["slots"]] == [str(slot)]


def test_the_address_of_a_deleted_doctor_can_be_used_again(house: House) -> None:
    doctor = house.add_doctor(email="ada@example.org", phone="+49 30 1")

    delete_doctor(house.directory, doctor, ADMIN)

    assert (house.doctor(doctor).email, house.doctor(doctor).phone) == (None, None)
    assert house.add_doctor(email="ada@example.org") != doctor


def test_a_doctor_with_bookings_to_come_is_not_deleted(house: House) -> None:
    doctor = house.add_doctor()
    for hour in range(2):
        house.book(house.add_slot(doctor, NINE_TOMORROW + timedelta(hours=hour)))
    free = house.add_slot(doctor, NINE_TOMORROW + timedelta(hours=5))

    with pytest.raises(Conflict, match=r"2 bookings to come\. Cancel or move them first"):
        delete_doctor(house.directory, doctor, ADMIN)

    assert house.slot(free).state == "OPEN"
    assert house.doctor(doctor).deleted_at is None


def test_a_doctor_somebody_is_booking_is_not_deleted(house: House) -> None:
    doctor = house.add_doctor()
    house.hold(house.add_slot(doctor))

    with pytest.raises(Conflict, match="being booked right now") as caught:
        delete_doctor(house.directory, doctor, ADMIN)

    assert caught.value.extras["holds"] == 1


def test_a_cancelled_booking_does_not_keep_its_doctor(house: House) -> None:
    doctor = house.add_doctor()
    slot = house.add_slot(doctor)
    house.cancel(house.book(slot))

    delete_doctor(house.directory, doctor, ADMIN)

    assert house.slot(slot).state == "BLOCKED"


def test_deleting_a_doctor_and_booking_a_slot_at_once_never_both_succeed(house: House) -> None:
    doctors = [house.add_doctor(f"Dr {number}") for number in range(8)]
    slots = [house.add_slot(doctor) for doctor in doctors]

    def attempt(work: Callable[[], object]) -> bool:
        try:
            work()
        except Refusal:
            return False
        return True

    def race(doctor: int, slot: int) -> tuple[bool, bool]:
        with ThreadPoolExecutor(2) as pool:
            deleted = pool.submit(attempt, lambda: delete_doctor(house.directory, doctor, ADMIN))
            booked = pool.submit(attempt, lambda: house.book(slot))
            return deleted.result(), booked.result()

    outcomes = [race(*pair) for pair in zip(doctors, slots, strict=True)]

    assert all(deleted != booked for deleted, booked in outcomes)
    for doctor, slot, (_, booked) in zip(doctors, slots, outcomes, strict=True):
        assert house.slot(slot).state == ("BOOKED" if booked else "BLOCKED")
        assert (house.doctor(doctor).deleted_at is None) == booked


def test_specializations_are_those_of_doctors_who_are_there(house: House) -> None:
    house.add_doctor("Dr B", specialization="Dermatology")
    house.add_doctor("Dr A", specialization="Cardiology")
    house.add_doctor("Dr C", specialization="Cardiology")
    delete_doctor(house.directory, house.add_doctor("Dr D", specialization="Oncology"), ADMIN)

    with house.database.read() as connection:
        assert list_specializations(connection) == ["Cardiology", "Dermatology"]


NAMES = st.text(alphabet="abÄä%_\\ ß'", min_size=1, max_size=4)
DOCTORS = st.lists(st.tuples(NAMES, NAMES, st.none() | NAMES), max_size=8)


@given(DOCTORS, st.none() | NAMES, st.none() | NAMES)
def check_filters(directory: Directory, doctors: list, specialization: str | None, q: str | None) -> None:
    with directory.database.transaction() as tx:
        for name, special, hospital in doctors:
            row = {"name": name, "specialization": special, "hospital": hospital, "timezone": "UTC"}
            tx.execute(insert(Doctor).values(row))
        found = list_doctors(tx, specialization, q, limit=100)
        everybody = list_doctors(tx, limit=100)
        tx.rollback()
        if directory.database.is_sqlite:
            tx.exec_driver_sql("BEGIN IMMEDIATE")

    def is_wanted(doctor: dict) -> bool:
        texts = (doctor["name"], doctor["specialization"], doctor["hospital"] or "")
        right_one = (
            specialization is None or doctor["specialization"].lower() == specialization.strip().lower()
        )
        return right_one and (q is None or any(q.strip().lower() in text.lower() for text in texts))

    assert len(everybody) == len(doctors)
    assert found == [doctor for doctor in everybody if is_wanted(doctor)]


def test_filters_find_what_looking_at_every_doctor_finds(house: House) -> None:
    check_filters(house.directory)


def test_pages_joined_are_the_whole_list(house: House) -> None:
    for name in ("Dr B", "Dr A", "Dr C", "Dr A", "Dr A"):
        house.add_doctor(name)

    with house.database.read() as connection:
        whole = list_doctors(connection)
        pages, after = [], None
        while page := list_doctors(connection, after=after, limit=2):
            pages += page
            after = (page[-1]["name"], int(page[-1]["id"]))

    assert [doctor["name"] for doctor in whole] == ["Dr A", "Dr A", "Dr A", "Dr B", "Dr C"]
    assert pages == whole


def test_others_hear_of_a_doctor_what_times_are_shown_with_and_no_contact(house: House) -> None:
    doctor = house.add_doctor("Dr Bo", email="bo@example.org", phone="+49 30 1")
    update_doctor(house.directory, doctor, {"name": "Dr Bo Berg", "phone": "+49 30 2"}, ADMIN)
    delete_doctor(house.directory, doctor, ADMIN)

    changes = house.changes("doctor")

    assert [(change["name"], change["version"]) for change in changes] == [
        ("Dr Bo", 1), ("Dr Bo Berg", 2), ("Dr Bo Berg", 3)
    ]  # fmt: skip
    assert [change.get("deleted", False) for change in changes] == [False, False, True]
    assert "+49" not in str(changes)
    assert "bo@example.org" not in str(changes)
