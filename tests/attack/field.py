"""The running stack as an attacker sees it: addresses, people, and a network address of one's own."""

from __future__ import annotations

import http.client
import itertools
import json
import re
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from loadtest.target import Target

PASSWORD = "oneslot-demo"
_numbers = itertools.count(2)


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    text: str
    cookies: tuple[str, ...] = ()

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def data(self) -> Any:
        return self.json["data"]


@dataclass
class Field:
    """What the rows play on."""

    target: Target
    mark: str = field(default_factory=lambda: secrets.token_hex(4))
    _tokens: dict[str, str] = field(default_factory=dict)

    @property
    def nodes(self) -> tuple[str, ...]:
        return self.target.node_urls

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: dict[str, str] | None = None,
        *,
        door: str | None = None,
        source: str = "127.0.0.1",
        raw: bytes | None = None,
        form: dict[str, str] | None = None,
    ) -> Reply:
        """One request from a network address of this machine."""
        url = urlsplit(door or self.target.base_url)
        sent = {"Accept": "application/json", **(headers or {})}
        content = raw
        if body is not None:
            content = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        if form is not None:
            content = urlencode(form).encode()
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
        connection = http.client.HTTPConnection(
            url.hostname or "", url.port, timeout=20, source_address=(source, 0)
        )
        try:
            connection.request(method, path, content, sent)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
            cookies = tuple(answer.headers.get_all("Set-Cookie") or ())
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, text, cookies)
        finally:
            connection.close()

    def log_in(self, email: str, password: str = PASSWORD, **where: Any) -> dict[str, str]:
        answer = self.ask("POST", "/api/auth/login", {"email": email, "password": password}, **where)
        expect(answer.status == 200, f"{email} cannot log in: {answer.text[:200]}")
        return {"Authorization": f"Bearer {answer.data['token']}"}

    def as_role(self, role: str) -> dict[str, str]:
        """A demo account of this role, logged in once."""
        if role not in self._tokens:
            self._tokens[role] = self.log_in(f"{role}@example.org")["Authorization"]
        return {"Authorization": self._tokens[role]}

    def new_patient(self, name: str = "Somebody", **where: Any) -> tuple[dict[str, str], dict[str, str]]:
        """A fresh account: the header of its login, and its user document."""
        email = f"{name.lower()}-{self.mark}-{secrets.token_hex(3)}@example.org"
        body = {"email": email, "name": f"{name} {self.mark}", "password": PASSWORD}
        answer = self.ask("POST", "/api/auth/register", body, **where)
        expect(answer.status == 201, f"registering: {answer.status} {answer.text[:200]}")
        return {"Authorization": f"Bearer {answer.data['token']}"}, answer.data["user"]

    def new_slots(self, count: int) -> list[str]:
        """Slots of a doctor of their own."""
        admin = self.as_role("admin")
        doctor = {"name": f"Dr. Attack {secrets.token_hex(3)}", "specialization": "Cardiology"}
        made = self.ask("POST", "/api/doctors", doctor, admin)
        expect(made.status == 201, f"a doctor: {made.text[:200]}")
        day = (datetime.now(UTC) + timedelta(days=next(_numbers) % 20 + 3)).date().isoformat()
        bulk = {
            "doctor_id": made.data.get("doctor", made.data)["id"], "start_date": day, "end_date": day,
            "start_time": "09:00", "end_time": "17:00", "duration_minutes": 5, "exclude_weekends": False,
        }  # fmt: skip
        self.ask("POST", "/api/slots/bulk", bulk, admin)
        listed = self.ask("GET", f"/api/slots?doctor_id={bulk['doctor_id']}&limit=100")
        return [slot["id"] for slot in listed.data][:count]

    def book(self, slot: str, headers: dict[str, str] | None = None, **more: Any) -> Reply:
        where = {name: more.pop(name) for name in ("door", "source") if name in more}
        body = {"slot_id": slot, "patient_name": "Some Body", "patient_email": "body@example.org", **more}
        return self.ask("POST", "/api/bookings", body, headers, **where)


@dataclass
class Browser:
    """Keeps cookies, sends forms as a page of ours would."""

    field: Field
    cookies: dict[str, str] = field(default_factory=dict)
    source: str = "127.0.0.1"

    def get(self, path: str) -> Reply:
        return self._keep(self.field.ask("GET", path, headers=self._headers(), source=self.source))

    def post(self, path: str, fields: dict[str, str] | None = None, **headers: str) -> Reply:
        page = self.get("/find").text
        token = re.search(r'name="form_token" value="([^"]+)"', page)
        sent = {"form_token": token.group(1) if token else "", **(fields or {})}
        ours = {"Origin": self.field.target.base_url, "Sec-Fetch-Site": "same-origin", **headers}
        asked = self.field.ask(
            "POST", path, headers={**self._headers(), **ours}, form=sent, source=self.source
        )
        return self._keep(asked)

    def _headers(self) -> dict[str, str]:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"Accept": "text/html", **({"Cookie": cookie} if cookie else {})}

    def _keep(self, reply: Reply) -> Reply:
        for line in reply.cookies:
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return reply


class Broken(AssertionError):
    """The attack came through."""


def expect(holds: bool, words: str) -> None:
    if not holds:
        raise Broken(words)


def within(seconds: float, look: Any) -> float:
    """How long it took until look() was true; raises Broken when it never was."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if look():
            return time.monotonic() - began
        time.sleep(0.1)
    raise Broken(f"not within {seconds} s")
