"""The account's page of reminders, without JavaScript."""

from tests.web.api.test_reminders import app
from tests.web.conftest import client
from tests.web.pages.conftest import Person
from tests.web.pages.desk.conftest import receptionist

__all__ = ["app", "client", "receptionist"]


def test_a_channel_is_chosen_and_a_wrong_number_is_explained_and_stays(receptionist: Person) -> None:
    receptionist.open("/account/reminders")
    assert "As a push message" not in receptionist.text

    receptionist.send("/account/reminders", channel="sms", phone="0170 1234")
    assert receptionist.page.status_code == 422
    assert "Enter the mobile number with its country" in receptionist.text
    assert 'value="0170 1234"' in receptionist.text
    receptionist.send("/account/reminders", channel="sms", phone="+49 170 1234567")

    assert "Saved." in receptionist.text
    assert 'value="+491701234567"' in receptionist.text
    assert 'value="sms" checked' in receptionist.text
