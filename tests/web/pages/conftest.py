"""A person at a browser without JavaScript, and the clinic behind the pages."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy import insert, select, update
from werkzeug.test import TestResponse

from app.booking.actions import GUEST, Claim, PatientDetails, hold_slot
from app.database import db_now
from app.tables import Booking, Doctor, Slot
from app.web.parts import EXTENSION, Parts
from tests import moments
from tests.cinema import Cinema
from tests.web.conftest import make_app

ORIGIN = "http://localhost"
TYPED = {"patient_name": "Mara Lindqvist", "patient_email": "mara@example.org"}
SOMEBODY = PatientDetails("Some Body", "somebody@example.org")


@dataclass
class Person:
    """Opens pages and sends the forms on them, as a browser does."""

    client: FlaskClient
    page: TestResponse | None = field(default=None, repr=False)
    #: The same on every page of one browser; some pages have no form.
    form_token: str = field(default="", repr=False)

    def open(self, path: str) -> TestResponse:
        self.page = self.client.get(path, headers={"Sec-Fetch-Site": "none"})
        return self.page

    def send(self, path: str, follow: bool = True, **fields: str | list[str]) -> TestResponse:
        """Post to path with the hidden fields of the page that is open."""
        self.form_token = self.form_token or hidden_fields(self.client.get("/find").text)["form_token"]
        data = {"form_token": self.form_token, **hidden_fields(self.text), **fields}
        headers = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
        self.page = self.client.post(path, data=data, headers=headers, follow_redirects=follow)
        return self.page

    @property
    def text(self) -> str:
        if self.page is None:
            raise AssertionError("open a page first")
        return self.page.text

    @property
    def path(self) -> str:
        if self.page is None:
            raise AssertionError("open a page first")
        return self.page.request.path

    @property
    def heading(self) -> str:
        found = re.search(r"<h1[^>]*>(.*?)</h1>", self.text, re.DOTALL)
        return unescape(re.sub(r"<[^>]*>", "", found.group(1))).strip() if found else ""


def hidden_fields(html: str) -> dict[str, str]:
    """The last form token and request key of a page."""
    found = re.findall(r'<input type="hidden" name="(form_token|request_key)" value="([^"]*)">', html)
    return {name: unescape(value) for name, value in found}


@dataclass
class Clinic:
    """What the pages show."""

    parts: Parts
    doctor_id: int

    def add_slot(self, hours_ahead: float = 48) -> int:
        start = moments.hours_ahead(hours_ahead)
        values = {"doctor_id": self.doctor_id, "starts_at": start, "ends_at": start + timedelta(minutes=30)}
        with self.parts.database.transaction() as tx:
            return tx.execute(insert(Slot).values(values).returning(Slot.id)).scalar_one()

    def book_elsewhere(self, slot_id: int) -> dict[str, Any]:
        claim = Claim((slot_id,), SOMEBODY, instant=True)
        return hold_slot(self.parts.engine, claim, GUEST).value

    def hold_elsewhere(self, slot_id: int) -> None:
        hold_slot(self.parts.engine, Claim((slot_id,), None), GUEST)

    def lapse(self, slot_id: int) -> None:
        with self.parts.database.transaction() as tx:
            owner = tx.execute(select(Slot.booking_id).where(Slot.id == slot_id)).scalar_one()
            tx.execute(update(Slot).where(Slot.id == slot_id).values(hold_until=db_now(-1)))
            tx.execute(update(Booking).where(Booking.id == owner).values(expires_at=db_now(-1)))

    def bookings(self) -> list[Any]:
        with self.parts.database.read() as connection:
            query = select(*Booking.__table__.columns).order_by(Booking.created_at)
            return list(connection.execute(query))

    def slot(self, slot_id: int) -> Any:
        with self.parts.database.read() as connection:
            return connection.execute(select(*Slot.__table__.columns).where(Slot.id == slot_id)).one()


@pytest.fixture
def app(sqlite_url: str) -> Iterator[APIFlask]:
    """On SQLite, for speed; the browser tests drive the same pages on PostgreSQL."""
    app = make_app(sqlite_url)
    yield app
    app.extensions[EXTENSION].database.dispose()


@pytest.fixture
def person(client: FlaskClient) -> Person:
    return Person(client)


@pytest.fixture
def somebody_else(app: APIFlask) -> Person:
    return Person(app.test_client())


@pytest.fixture
def cinema(clinic: Clinic) -> Cinema:
    return Cinema.on(clinic.parts.database)


@pytest.fixture
def clinic(app: APIFlask) -> Clinic:
    parts: Parts = app.extensions[EXTENSION]
    values = {"name": "Dr. Ada Probe", "specialization": "Cardiology", "timezone": "Europe/Berlin"}
    with parts.database.transaction() as tx:
        doctor_id = tx.execute(insert(Doctor).values(values).returning(Doctor.id)).scalar_one()
    return Clinic(parts, doctor_id)
