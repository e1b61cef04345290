"""A race as outsiders run it: many clients at once, over HTTP, at every node's own address, for one slot."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from itertools import cycle
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import func, select

from app.booking.race import arena_slot
from app.clock import Clock
from app.database import Database
from app.tables.booking import BookingSlot

ANSWER_SECONDS = 10.0
READY_SECONDS = 15.0
WON, LOST, FAILED = "won", "lost", "failed"
Document = dict[str, Any]


@dataclass(frozen=True)
class Attempt:
    """What one client asked of which node, when (milliseconds since the start), and what it was told."""

    client: int
    node: str
    began_ms: float
    ended_ms: float
    outcome: str
    status: int
    reason: str


@dataclass(frozen=True)
class Race:
    slot_id: int
    attempts: tuple[Attempt, ...]
    #: Live claims on the slot by the database's own count, before the winner gave it back.
    live_claims: int

    def document(self) -> Document:
        return {"slot_id": self.slot_id, "live_claims": self.live_claims, "attempts": [
            asdict(attempt) for attempt in self.attempts
        ]}  # fmt: skip


def run(database: Database, clock: Clock, addresses: Mapping[str, str], clients: int) -> Race:
    """On a slot of its own in a far future, of a doctor nobody sees; the winner gives its hold back."""
    slot_id = database.run(arena_slot)
    start = _Start(clock, clients)
    runners = [
        _Runner(number, node, addresses[node], slot_id, start)
        for number, node in zip(range(1, clients + 1), cycle(sorted(addresses)), strict=False)
    ]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join(READY_SECONDS + ANSWER_SECONDS)
    with database.read() as connection:
        live = select(func.count()).where(BookingSlot.slot_id == slot_id, BookingSlot.live)
        claims = connection.execute(live).scalar_one()
    for runner in runners:
        runner.give_back()
    return Race(slot_id, _sorted([runner.attempt for runner in runners]), claims)


class _Start:
    """Lets all go at once; who is not ready in time goes alone."""

    def __init__(self, clock: Clock, clients: int) -> None:
        self._clock = clock
        self._barrier = threading.Barrier(clients, action=self._note)
        self._at: float | None = None

    def wait(self) -> None:
        try:
            self._barrier.wait(READY_SECONDS)
        except threading.BrokenBarrierError:
            self._note()

    def milliseconds(self) -> float:
        return round((self._clock.elapsed() - (self._at or self._clock.elapsed())) * 1000, 1)

    def _note(self) -> None:
        self._at = self._at or self._clock.elapsed()


class _Runner(threading.Thread):
    def __init__(self, client: int, node: str, address: str, slot_id: int, start: _Start) -> None:
        super().__init__(daemon=True, name=f"racer-{client}")
        self.attempt = Attempt(client, node, 0.0, 0.0, FAILED, 0, "did not answer in time")
        self._address = address
        self._slot_id = slot_id
        self._start = start
        self._won: Document | None = None

    def run(self) -> None:
        connection = _connect(self._address)
        body = {
            "slot_id": str(self._slot_id),
            "patient_name": f"Racer {self.attempt.client}",
            "patient_email": "racer@example.org",
            "hold": True,
        }
        try:
            connection.connect()
            self._start.wait()
            began = self._start.milliseconds()
            status, answer = _post(connection, "/api/bookings", body)
        except (OSError, http.client.HTTPException, ValueError) as trouble:
            self._start.wait()
            began, status, answer = 0.0, 0, {"detail": type(trouble).__name__}
        finally:
            connection.close()
        self._note(began, status, answer)

    def give_back(self) -> None:
        """After the count; otherwise the hold would simply lapse."""
        if self._won is None:
            return
        connection = _connect(self._address)
        token = {"X-Manage-Token": self._won["manage_token"]}
        try:
            _post(connection, f"/api/bookings/{self._won['id']}/release", {}, token)
        except (OSError, http.client.HTTPException, ValueError):
            return
        finally:
            connection.close()

    def _note(self, began: float, status: int, answer: Document) -> None:
        is_won = status == HTTPStatus.CREATED
        self._won = answer["data"] if is_won else None
        outcome = WON if is_won else LOST if status == HTTPStatus.CONFLICT else FAILED
        reason = "" if is_won else str(answer.get("reason") or answer.get("detail") or "")
        ended = self._start.milliseconds()
        client, node = self.attempt.client, self.attempt.node
        self.attempt = Attempt(client, node, began, ended, outcome, status, reason[:80])


def _connect(address: str) -> http.client.HTTPConnection:
    url = urlsplit(address)
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    return kind(url.hostname or "", url.port, timeout=ANSWER_SECONDS)


def _post(
    connection: http.client.HTTPConnection,
    path: str,
    body: Document,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, Document]:
    sent = {"Content-Type": "application/json", "Accept": "application/json", **(headers or {})}
    connection.request("POST", path, json.dumps(body), sent)
    response = connection.getresponse()
    answer: Document = json.loads(response.read())
    return response.status, answer


def _sorted(attempts: Sequence[Attempt]) -> tuple[Attempt, ...]:
    return tuple(sorted(attempts, key=lambda attempt: (attempt.node, attempt.ended_ms)))
