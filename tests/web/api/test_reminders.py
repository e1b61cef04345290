"""How one chooses the channel of reminders, by API and by page."""

import pytest
from sqlalchemy import select

from app.accounts.reminder_choice import normal_number
from app.errors import ValidationFailed
from app.tables import AuditEntry, ReminderChoice
from app.web.parts import EXTENSION
from tests.web.conftest import log_in_as, make_app

GATEWAYS = {"SMS_GATEWAY_URL": "https://sms.example.org/", "GATEWAY_SECRET": "s" * 20}


@pytest.fixture
def app(sqlite_url):
    app = make_app(sqlite_url, **GATEWAYS)
    yield app
    app.extensions[EXTENSION].database.dispose()


@pytest.fixture
def patient(app, client):
    return log_in_as(app, client, "patient")


def choose(client, headers, **body):
    return client.put("/api/auth/me/reminders", json=body, headers=headers)


def test_mail_is_what_one_has_until_one_chooses(client, patient):
    told = client.get("/api/auth/me/reminders", headers=patient).json["data"]

    assert told == {"channel": "mail", "phone": None, "device": None, "available": ["mail", "sms"]}


def test_a_number_is_kept_in_its_normal_form_and_sealed_and_the_audit_has_none(app, client, patient):
    chosen = choose(client, patient, channel="sms", phone="+49 (170) 123-4567").json["data"]
    back = choose(client, patient, channel="mail").json["data"]
    choose(client, patient, channel="sms", phone="0049 170 1234567")

    assert (chosen["phone"], back["phone"]) == ("+491701234567", None)
    with app.extensions[EXTENSION].database.read() as connection:
        assert connection.execute(select(ReminderChoice.address)).scalar_one() == "+491701234567"
        raw = connection.exec_driver_sql("SELECT address FROM reminder_choices").scalar_one()
        audit = connection.execute(select(AuditEntry.action, AuditEntry.detail)).all()
    assert "1234567" not in raw
    assert "1234567" not in repr(audit)
    assert [entry.action for entry in audit].count("account.reminders_changed") == 3


@pytest.mark.parametrize(
    "phone", [None, "", "0170 1234567", "+49", "+49 170 12345678901234", "+0 170 1234567", "+49abc"]
)
def test_a_number_that_cannot_be_called_is_refused_with_what_is_wanted(client, patient, phone):
    refused = choose(client, patient, channel="sms", phone=phone)

    assert refused.status_code == 422
    (wrong,) = refused.json["errors"]
    assert (wrong["field"], "+49 170 1234567" in wrong["message"]) == ("phone", True)


def test_what_the_clinic_does_not_have_cannot_be_chosen(client, patient):
    refused = choose(client, patient, channel="push", device="my-phone")

    assert refused.json["errors"] == [{"field": "channel", "message": "choose one of mail, sms"}]


def test_numbers_are_read_as_people_write_them():
    assert {normal_number(text) for text in ("+1 212-555-0100", "+1.212.555.0100", "001 (212) 5550100")} == {
        "+12125550100"
    }
    with pytest.raises(ValidationFailed):
        normal_number("+1 212 555 0100 ext 5")


def test_it_is_in_ones_export_and_gone_when_one_is_forgotten(app, client, patient):
    choose(client, patient, channel="sms", phone="+49 170 1234567")
    exported = client.get("/api/auth/me/export", headers=patient).json
    body = {"password": "correct horse battery"}
    assert client.post("/api/auth/me/erase", json=body, headers=patient).status_code == 200

    assert "+491701234567" in repr(exported)
    with app.extensions[EXTENSION].database.read() as connection:
        assert connection.execute(select(ReminderChoice.user_id)).all() == []
