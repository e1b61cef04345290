"""The control's HTTP side: the part of the product's API the load test uses, a thread per connection."""

from __future__ import annotations

import json
import re
import sqlite3
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from loadtest.control.claims import Claims, nearest_free, show_booking, show_slot
from loadtest.control.ledger import Ledger, Refused

Query = dict[str, str]
Body = dict[str, Any]


class Api:
    """Paths to actions. Reads return data; writes go through Ledger.once."""

    def __init__(self, ledger: Ledger, claims: Claims) -> None:
        self._ledger = ledger
        self._claims = claims

    def read(self, path: str, query: Query) -> Any:
        db = self._ledger.connection()
        if path == "/api/doctors":
            return [dict(row) for row in db.execute("SELECT * FROM doctors ORDER BY id DESC LIMIT 50")]
        if path == "/api/slots" or re.fullmatch(r"/api/doctors/\w+/slots", path):
            return [show_slot(row) for row in db.execute(*_slots_query(path, query))]
        if path == "/api/bookings":
            ids = db.execute("SELECT id FROM bookings WHERE doctor_id = ?", (query["doctor_id"],)).fetchall()
            return [show_booking(db, row["id"]) for row in ids]
        if path == "/api/availability":
            return nearest_free(db, query["doctor_id"], query["date"])
        raise Refused(404, "NOT_FOUND", "There is no such page.")

    def write(self, path: str, body: Body, key: str | None) -> tuple[int, Any, bool]:
        if path == "/api/auth/login":
            return 200, {"token": "control", "user": {"email": body["email"]}}, False
        request = json.dumps([path, body], sort_keys=True)
        status, answer, is_replay = self._ledger.once(key, request, self._action(path, body))
        is_change = re.search(r"/(confirm|extend|release|cancel|reschedule)$", path)
        return 200 if is_change and status == 201 else status, answer, is_replay

    def _action(self, path: str, body: Body) -> Callable[[sqlite3.Connection], Any]:
        claims = self._claims
        simple: dict[str, Callable[[sqlite3.Connection], Any]] = {
            "/api/doctors": lambda db: _add_doctor(db, body),
            "/api/slots/bulk": lambda db: _add_slots(db, body),
            "/api/appointments": lambda db: claims.claim_interval(db, body),
            "/api/bookings": lambda db: claims.claim(
                db, body["slot_id"], body["patient_name"], hold=body.get("hold", False)
            ),
        }
        if path in simple:
            return simple[path]
        match = re.fullmatch(r"/api/bookings/([\w-]+)/(confirm|extend|release|cancel|reschedule)", path)
        if match is None:
            raise Refused(404, "NOT_FOUND", "There is no such page.")
        booking, verb = match.groups()
        if verb == "reschedule":
            return lambda db: claims.reschedule(db, booking, body["slot_id"])
        changes = {
            "confirm": claims.confirm,
            "extend": claims.extend,
            "release": claims.release,
            "cancel": claims.cancel,
        }
        return lambda db: changes[verb](db, booking)


def _slots_query(path: str, query: Query) -> tuple[str, tuple[str, ...]]:
    doctor = query.get("doctor_id") or path.split("/")[3]
    day = query.get("date", "")
    return (
        "SELECT * FROM slots WHERE doctor_id = ? AND starts_at LIKE ? ORDER BY starts_at, id",
        (doctor, day + "%"),
    )


def _add_doctor(db: sqlite3.Connection, body: Body) -> dict[str, Any]:
    made = db.execute(
        "INSERT INTO doctors (name, specialization) VALUES (?, ?)", (body["name"], body["specialization"])
    )
    return {"id": str(made.lastrowid), "name": body["name"], "specialization": body["specialization"]}


def _add_slots(db: sqlite3.Connection, body: Body) -> dict[str, Any]:
    """The control's clinic keeps UTC."""
    day, count = date.fromisoformat(body["start_date"]), 0
    length = timedelta(minutes=body["duration_minutes"])
    while day <= date.fromisoformat(body["end_date"]):
        start = datetime.fromisoformat(f"{day}T{body['start_time']}:00+00:00")
        end_of_day = datetime.fromisoformat(f"{day}T{body['end_time']}:00+00:00")
        while start + length <= end_of_day:
            db.execute(
                "INSERT INTO slots (doctor_id, starts_at, ends_at) VALUES (?, ?, ?)",
                (body["doctor_id"], start.isoformat(), (start + length).isoformat()),
            )
            start, count = start + length, count + 1
        day += timedelta(days=1)
    return {"count": count, "created": count, "skipped": 0}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet per answer
    disable_nagle_algorithm = True
    api: ClassVar[Api]

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        self._answer(lambda: (200, self.api.read(url.path, query), False))

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = json.loads(content or b"{}")
        self._answer(lambda: self.api.write(self.path, body, self.headers.get("Idempotency-Key")))

    def _answer(self, act: Callable[[], tuple[int, Any, bool]]) -> None:
        try:
            status, answer, is_replay = act()
        except Refused as refused:
            status, answer, is_replay = refused.status, refused.answer, False
        except sqlite3.Error as error:
            status, answer, is_replay = 503, {"code": "UNAVAILABLE", "detail": str(error)}, False
        self._send(status, _envelope(status, answer), is_replay)

    def _send(self, status: int, body: dict[str, Any], is_replay: bool) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if status < 400 else "application/problem+json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Served-By", "control")
        self.send_header("X-Correlation-ID", self.headers.get("X-Correlation-ID") or uuid.uuid4().hex)
        if is_replay:
            self.send_header("Idempotency-Replayed", "true")
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """The history is the log."""


def _envelope(status: int, answer: Any) -> dict[str, Any]:
    timestamp = datetime.now(UTC).isoformat()
    if status < 400:
        return {"success": True, "data": answer, "server": "control", "timestamp": timestamp}
    error = {"code": answer["code"], "message": answer["detail"], "timestamp": timestamp}
    told = {name: value for name, value in answer.items() if name != "code"}
    return {"success": False, "status": status, "title": answer["code"], **told, "error": error}


class _Server(ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = True


def serve(ledger: Ledger, hold_seconds: float) -> _Server:
    """A server on a free port, answering until shutdown() is called."""
    handler = type("_BoundHandler", (_Handler,), {"api": Api(ledger, Claims(ledger, hold_seconds))})
    server = _Server(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server
