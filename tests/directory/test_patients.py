import uuid
from datetime import datetime

import pytest

from app.directory.patients import PatientDraft, Reader, create_patient, list_patients
from app.errors import Conflict
from tests.directory.conftest import ADMIN, House

ANYBODY = Reader("desk", None)


def test_a_patient_is_kept_and_listed(house: House) -> None:
    draft = PatientDraft("Anna Example", "anna@example.org", "+49 30 1", "prefers mornings")

    made = create_patient(house.directory, draft, ADMIN).value

    with house.database.read() as connection:
        assert list_patients(connection, ANYBODY) == [made]
    assert made["contact"] == "prefers mornings"


def test_two_patients_cannot_share_an_address(house: House) -> None:
    create_patient(house.directory, PatientDraft("Anna Example", "anna@example.org"), ADMIN)

    with pytest.raises(Conflict) as caught:
        create_patient(house.directory, PatientDraft("Another Anna", "anna@example.org"), ADMIN)

    assert caught.value.extras["errors"] == [
        {"field": "email", "message": "Another patient has this e-mail address."}
    ]


def test_pages_of_patients_joined_are_the_whole_list(house: House) -> None:
    for number in range(5):
        create_patient(house.directory, PatientDraft(f"P {number}", f"p{number}@example.org"), ADMIN)

    with house.database.read() as connection:
        whole = list_patients(connection, ANYBODY)
        pages, after = [], None
        while page := list_patients(connection, ANYBODY, after=after, limit=2):
            pages += page
            last = page[-1]
            after = (datetime.fromisoformat(last["created_at"]), uuid.UUID(last["id"]))

    assert len(whole) == 5
    assert pages == whole
