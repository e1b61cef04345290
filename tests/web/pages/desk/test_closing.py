"""The form that closes a doctor's time says what is wrong by the labels a person reads."""

from __future__ import annotations

import pytest

from tests.web.pages.conftest import Clinic, Person


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "Until: must be later than the start"), ("de", "Bis: muss nach dem Beginn liegen")],
)
def test_an_end_before_the_start_is_told_by_the_label(
    receptionist: Person, clinic: Clinic, language: str, words: str
) -> None:
    typed = "first=2099-11-23&last=2099-11-23&begins=10:00&ends=09:00&why=Ill"

    answer = receptionist.client.get(
        f"/desk/close?doctor_id={clinic.doctor_id}&{typed}", headers={"Accept-Language": language}
    )

    assert words in answer.text
    assert 'value="Ill"' in answer.text
