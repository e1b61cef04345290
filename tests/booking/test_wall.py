"""The second wall: whatever a query forgets, PostgreSQL shows nobody what is not theirs (I7)."""

import uuid

import pytest
from sqlalchemy import insert, select

from app.booking.actions import (
    Claim,
    PatientDetails,
    cancel_booking,
    extend_hold,
    hold_slot,
    release_hold,
    reschedule_booking,
)
from app.booking.rules import Actor
from app.booking.wall import behind_wall, read_for
from app.errors import NotFound
from app.tables import Booking, User


@pytest.fixture
def desk(make_desk, postgres_url):
    return make_desk(postgres_url)


@pytest.fixture
def owner(desk):
    with desk.database.transaction() as tx:
        values = {"email": "p@example.org", "name": "P", "password_hash": "-"}
        user_id = tx.execute(insert(User).values(values).returning(User.id)).scalar_one()
    return Actor(f"user:{user_id}", user_id)


@pytest.fixture
def booking_id(desk, owner):
    claim = Claim((desk.add_slot(),), PatientDetails("P", "p@example.org"), instant=True)
    return uuid.UUID(hold_slot(desk.engine, claim, owner).value["id"])


def shown_to(desk, actor):
    """Every booking there is, by a query that asks for all of them."""
    with read_for(desk.database, actor) as connection:
        return list(connection.execute(select(Booking.id)).scalars())


def test_its_owner_sees_it(desk, owner, booking_id):
    assert shown_to(desk, owner) == [booking_id]


def test_who_shows_its_token_sees_it(desk, booking_id):
    assert shown_to(desk, Actor("guest", token_for=booking_id)) == [booking_id]


def test_another_patient_and_a_guest_see_nothing(desk, booking_id):
    other = Actor("user:x", uuid.uuid4())

    assert [shown_to(desk, actor) for actor in (other, Actor("guest"))] == [[], []]


def test_staff_sees_those_of_their_doctors(desk, booking_id):
    def staff(doctors):
        return Actor("user:s", uuid.uuid4(), is_staff=True, doctors=doctors)

    seen = [
        shown_to(desk, staff(doctors))
        for doctors in (None, frozenset({desk.doctor_id}), frozenset({desk.doctor_id + 1}), frozenset())
    ]

    assert seen == [[booking_id], [booking_id], [], []]


def test_the_wall_stands_for_one_read_only(desk, booking_id):
    shown_to(desk, Actor("guest"))

    with desk.database.read() as connection:
        assert connection.execute(select(Booking.id)).scalars().all() == [booking_id]


@pytest.fixture
def trusting(monkeypatch):
    """Somebody forgot to ask whose booking it is."""
    monkeypatch.setattr(Actor, "may_see", lambda *_: True)


@pytest.mark.parametrize("change", [cancel_booking, extend_hold, release_hold])
def test_a_stranger_changes_nothing_even_where_the_product_forgot_to_ask(desk, booking_id, trusting, change):
    for stranger in (Actor("user:x", uuid.uuid4()), Actor("guest", token_for=uuid.uuid4())):
        with pytest.raises(NotFound):
            change(desk.engine, booking_id, stranger)

    assert shown_to(desk, Actor("guest", token_for=booking_id)) == [booking_id]


def test_staff_of_another_doctor_moves_nothing_even_then(desk, booking_id, trusting):
    slot_id = desk.add_slot(48)
    other = Actor("user:s", uuid.uuid4(), is_staff=True, doctors=frozenset({desk.doctor_id + 1}))

    with pytest.raises(NotFound):
        reschedule_booking(desk.engine, booking_id, (slot_id,), other)


def test_behind_the_wall_a_change_still_frees_what_others_wait_for(desk, owner, booking_id):
    """The wall is down again when the slot goes to whoever is next."""
    with desk.database.transaction() as tx:
        with behind_wall(tx, Actor("guest")):
            hidden = tx.execute(select(Booking.id)).scalars().all()
        seen = tx.execute(select(Booking.id)).scalars().all()

    assert (hidden, seen) == ([], [booking_id])
