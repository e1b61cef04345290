"""Staff of one doctor sees that doctor's day and nobody else's (attack 6)."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, insert, select, update

from app.booking.actions import Claim, PatientDetails, hold_slot
from app.booking.rules import GUEST
from app.tables import AuditEntry, Slot, StaffDoctor, User
from tests.web.pages.desk.conftest import log_in

HIDDEN = "Quetzal Hidden"


@pytest.fixture
def limited(app, person, clinic):
    """Staff of the first doctor only."""
    log_in(app, person, "staff")
    with clinic.parts.database.transaction() as tx:
        user_id = tx.execute(select(User.id).where(User.role == "staff")).scalar_one()
        tx.execute(update(User).where(User.id == user_id).values(all_doctors=False))
        tx.execute(delete(StaffDoctor))
        tx.execute(insert(StaffDoctor).values(user_id=user_id, doctor_id=clinic.doctor_id))
    return person


@pytest.fixture
def day(clinic, colleague):
    """A day on which both doctors have a patient; the colleague's is not to be seen."""
    own, other = clinic.add_slot(48), clinic.add_slot(49)
    with clinic.parts.database.transaction() as tx:
        tx.execute(update(Slot).where(Slot.id == other).values(doctor_id=colleague))
    for slot_id, name in ((own, "Mara Shown"), (other, HIDDEN)):
        hold_slot(
            clinic.parts.engine, Claim((slot_id,), PatientDetails(name, "p@example.org"), instant=True), GUEST
        )
    return clinic.slot(own).starts_at.date().isoformat()


@pytest.mark.parametrize("page", ["/desk", "/desk/list", "/desk/list.csv"])
def test_the_day_of_another_doctor_is_not_shown(limited, day, page):
    answer = limited.open(f"{page}?date={day}")

    assert answer.status_code == 200
    assert "Mara Shown" in answer.text
    assert HIDDEN not in answer.text


def test_the_week_of_another_doctor_is_not_shown(limited, day):
    limited.open(f"/desk/week?date={day}")

    assert "Dr. Ada Probe" in limited.text
    assert "Dr. Berta Second" not in limited.text


def test_staff_of_the_whole_practice_sees_both(app, person, clinic, day):
    log_in(app, person, "staff")

    person.open(f"/desk/list?date={day}")

    assert "Mara Shown" in person.text
    assert HIDDEN in person.text


def test_a_look_at_a_day_stands_in_the_audit(limited, day, clinic):
    limited.open(f"/desk/list?date={day}")

    with clinic.parts.database.read() as connection:
        found = (
            connection.execute(select(AuditEntry.detail).where(AuditEntry.action == "read.day"))
            .scalars()
            .all()
        )
    assert [entry["count"] for entry in found] == [1]


def test_the_time_of_another_doctor_is_neither_closed_nor_given_away(limited, day, colleague):
    limited.open("/desk")
    closing = {"doctor_id": str(colleague), "first": day, "last": day, "begins": "09:00", "ends": "17:00"}

    closed = limited.send("/desk/close", **closing).status_code
    walked = limited.send("/desk/walk-in", doctor_id=str(colleague), patient_name="Some Body").status_code

    assert (closed, walked) == (404, 404)
