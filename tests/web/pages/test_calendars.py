"""The account's page of calendars, without JavaScript."""

import re

from tests.web.pages.conftest import Clinic, Person
from tests.web.pages.desk.conftest import chief, receptionist

__all__ = ["chief", "receptionist"]
ADDRESS = re.compile(r"/feeds/[\w-]+\.ics")


def test_an_address_is_made_shown_once_renewed_and_taken_back(receptionist: Person, clinic: Clinic) -> None:
    receptionist.open("/account/calendars")
    assert "No calendar program reads your bookings yet" in receptionist.text
    assert "Dr. Ada Probe" in receptionist.text

    receptionist.send("/account/calendars", whose=str(clinic.doctor_id), shows="busy")
    first = ADDRESS.search(receptionist.text).group()
    assert receptionist.client.get(first).status_code == 200
    receptionist.open("/account/calendars")
    assert not ADDRESS.search(receptionist.text)
    path = re.search(r"/account/calendars/[0-9a-f-]{36}", receptionist.text).group()

    receptionist.send(f"{path}/rotate")
    second = ADDRESS.search(receptionist.text).group()
    assert [receptionist.client.get(each).status_code for each in (first, second)] == [404, 200]
    receptionist.send(f"{path}/revoke")
    assert "opens nothing any more" in receptionist.text
    assert receptionist.client.get(second).status_code == 404


def test_a_doctors_page_leads_to_their_calendar(chief: Person, clinic: Clinic) -> None:
    chief.open(f"/admin/doctors/{clinic.doctor_id}")
    chief.open(re.search(r'href="(/account/calendars\?whose=\d+)"', chief.text).group(1))

    assert f'<option value="{clinic.doctor_id}" selected>' in chief.text
