"""Who is told what by every route there is; a change of it must be meant (I7; done when 2).

`MATRIX=write pytest tests/web/test_matrix.py` writes the matrix anew, for a person to read the difference."""

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from app.accounts.actions import NewAccount, add_account
from app.accounts.principals import Role
from app.tables import Doctor, Slot
from app.web.parts import EXTENSION
from tests.web.conftest import PASSWORD, make_app
from tests.web.matrix import WHO, ask, path_of, routes, table

MATRIX = Path(__file__).parent / "matrix.txt"
ROLES = {
    "patient A": Role.PATIENT,
    "patient B": Role.PATIENT,
    "staff": Role.STAFF,
    "admin": Role.ADMIN,
    "operator": Role.OPERATOR,
}


class World:
    """A product with a booking of patient A, and somebody for each column."""

    def __init__(self, url: str) -> None:
        self.app = make_app(url, MAIL_FOLDER="/nonexistent", BOARD_FOLDER="/nonexistent")
        self.parts = self.app.extensions[EXTENSION]
        self.bearer: dict[str, dict[str, str]] = {"anonymous": {}}
        for who, role in ROLES.items():
            self._add(who, role)
        booking = self._book()
        self.bearer["guest"] = {"X-Manage-Token": booking["manage_token"]}
        self.values = {
            "booking_id": booking["id"],
            "doctor_id": str(booking["doctor_id"]),
            "slot_id": booking["slot_id"],
            "token": booking["manage_token"],
            "user_id": booking["user_id"],
            "patient_id": booking["id"],
            "session_id": booking["id"],
            "dependant_id": booking["id"],
            "webhook_id": booking["id"],
            "delivery_id": booking["id"],
            "feed_id": booking["id"],
            "closure_id": booking["id"],
            "notice_id": "0" * 32,
            "code": "x",
            "name": "x",
            "digest": "x",
            "file": "css/base.css",
        }

    def _add(self, who: str, role: Role) -> None:
        email = f"{who.replace(' ', '').lower()}@example.org"
        account = NewAccount(
            email, who, self.parts.passwords.hash(PASSWORD), role, all_doctors=role == "staff"
        )
        self.parts.database.run(lambda tx: add_account(tx, account))
        self.bearer[who] = {"Authorization": f"Bearer {self.log_in(who)}"}

    def log_in(self, who: str) -> str:
        email = f"{who.replace(' ', '').lower()}@example.org"
        login = {"email": email, "password": PASSWORD}
        return self.app.test_client().post("/api/auth/login", json=login).json["data"]["token"]

    def _book(self):
        start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
        with self.parts.database.transaction() as tx:
            doctor = {"name": "Dr. Ada Probe", "specialization": "Cardiology", "timezone": "Europe/Berlin"}
            doctor_id = tx.execute(insert(Doctor).values(doctor).returning(Doctor.id)).scalar_one()
            slot = {"doctor_id": doctor_id, "starts_at": start, "ends_at": start + timedelta(minutes=30)}
            slot_id = tx.execute(insert(Slot).values(slot).returning(Slot.id)).scalar_one()
        client = self.app.test_client()
        body = {"slot_id": str(slot_id)}
        return client.post("/api/bookings", json=body, headers=self.bearer["patient A"]).json["data"]

    def visit(self, who: str, route) -> int:
        """One request of this person, with a browser of their own."""
        client = self.app.test_client()
        headers = dict(self.bearer[who])
        is_api = route.rule.startswith(("/api", "/health", "/openapi"))
        form: dict[str, str] = {}
        if not is_api:
            page = client.get("/find").text
            form = {"form_token": re.search(r'name="form_token" value="([^"]+)"', page).group(1)}
            headers = {}
            if who in ROLES:
                login = {**form, "email": f"{who.replace(' ', '').lower()}@example.org", "password": PASSWORD}
                origin = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
                assert client.post("/login", data=login, headers=origin).status_code == 303
        elif who in ROLES and route.rule.startswith("/api/auth"):
            headers = {"Authorization": f"Bearer {self.log_in(who)}"}  # the route before may have ended it
        return ask(client, route, path_of(route, self.values), headers, form)


@pytest.fixture
def world(sqlite_url):
    world = World(sqlite_url)
    yield world
    world.parts.database.dispose()


def test_everybody_is_told_what_the_matrix_says(world):
    told = table([(route, [world.visit(who, route) for who in WHO]) for route in routes(world.app)])
    if os.environ.get("MATRIX") == "write":
        MATRIX.write_text(told)

    assert told == MATRIX.read_text()


def test_in_the_matrix_nobody_is_told_of_a_failure_of_ours_save_for_want_of_a_coordinator():
    lines = MATRIX.read_text().splitlines()[1:]

    assert not [line for line in lines if " 500" in line]


def test_in_the_matrix_a_stranger_is_told_that_the_booking_of_another_does_not_exist():
    everything = MATRIX.read_text().splitlines()
    lines = [line for line in everything if "/api/bookings/<uuid:booking_id>" in line and " owner " in line]

    strangers = {line.split()[-4] for line in lines}

    assert lines
    assert strangers <= {"404", "422"}
    assert {line.split()[-4] for line in lines if line.startswith("GET")} == {"404"}


def test_in_the_matrix_what_is_closed_is_closed_to_everybody_without_a_login():
    lines = [line.split() for line in MATRIX.read_text().splitlines()[1:]]
    closed = [words for words in lines if words[2] in ("authenticated", "staff", "admin", "operator")]

    assert len(closed) > 30
    assert {status for words in closed for status in words[3:5]} <= {"401", "303", "403"}
