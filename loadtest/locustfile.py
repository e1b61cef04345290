"""Browsers look around, bookers book, moviegoers pick seats, rushers all want the same slot at once.

Locust runs this file; `python -m loadtest` starts it headless with a plan."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from itertools import count, cycle
from pathlib import Path
from random import Random
from typing import Any, ClassVar

import gevent
from locust import FastHttpUser, between, constant, task
from locust.env import Environment

from loadtest.answers import Answer, no_answer, read_answer
from loadtest.history import Outcome, Scribe
from loadtest.moviegoer import Moviegoer, SeatClaim, seats_in
from loadtest.patient import Claim, Patient, claim_in
from loadtest.plan import PLAN_VARIABLE, PROFILES, read_plan

PLAN = read_plan(Path(os.environ[PLAN_VARIABLE]))
PROFILE = PROFILES[PLAN.profile]
SCRIBE = Scribe(Path(PLAN.history), f"load-{os.getpid()}")
BEGAN = time.monotonic()

DOCTOR_OF = {slot: doctor for doctor, slots in PLAN.field.items() for slot in slots}

_doors = cycle(PLAN.doors)
_names = count(1)

#: Answers a well-behaved client gets; anything else is counted as a failure by locust too.
_NOT_MODIFIED = 304
_EXPECTED = frozenset({200, 201, 204, 404, 409, 410})


class LocustTransport:
    """Locust's connection, which also keeps locust's own statistics."""

    def __init__(self, user: FastHttpUser) -> None:
        self._user = user

    def send(self, method: str, path: str, body: Any, headers: Mapping[str, str], name: str) -> Answer:
        with self._user.client.request(
            method, path, name=name, json=body, headers=dict(headers), catch_response=True
        ) as response:
            if not response.status_code:
                response.failure(str(response.error))
                return no_answer(response.error or ConnectionError("no answer"))
            answer = read_answer(
                response.status_code, dict(response.headers.items()), response.content or b""
            )
            if answer.status == _NOT_MODIFIED or (answer.status in _EXPECTED and answer.trouble is None):
                response.success()
            else:
                response.failure(answer.message or answer.trouble or "unexpected")
            return answer


class Visitor(FastHttpUser):
    """Anyone; has a patient who asks and remembers."""

    abstract = True
    network_timeout = 20.0
    #: Who only looks needs no account.
    headers: ClassVar[Mapping[str, str]] = {}
    connection_timeout = 10.0

    def __init__(self, environment: Environment) -> None:
        self.host = next(_doors)
        super().__init__(environment)
        number = next(_names)
        self.dice = Random(f"{PLAN.seed}/{number}")
        name = f"{type(self).__name__.lower()}-{number}"
        self.patient = Patient(name, LocustTransport(self), SCRIBE, self.headers)


class Browser(Visitor):
    """Looks for a doctor and a time, and leaves."""

    weight = PROFILE.browsers
    wait_time = between(0.2, 1.0)

    @task(2)
    def doctors(self) -> None:
        self.patient.look("doctors", "/api/doctors")

    @task(3)
    def availability(self) -> None:
        doctor, day = self.dice.choice(PLAN.doctors), self.dice.choice(PLAN.days)
        self.patient.look("availability", f"/api/availability?doctor_id={doctor}&date={day}")

    @task(3)
    def slots(self) -> None:
        doctor, day = self.dice.choice(PLAN.doctors), self.dice.choice(PLAN.days)
        self.patient.look("slots", f"/api/doctors/{doctor}/slots?date={day}")


class Booker(Visitor):
    """Holds and confirms, or books at once; sometimes changes its mind; now and then sends things twice."""

    weight = PROFILE.bookers
    headers = PLAN.client_headers
    wait_time = between(0.1, 0.5)

    @task(5)
    def book(self) -> None:
        claim = self._claim(hold=False)
        if claim is not None:
            self._live_with(claim)

    @task(5)
    def hold_and_decide(self) -> None:
        claim = self._claim(hold=True)
        if claim is None or self.dice.random() < 0.1:  # some close the tab
            return
        if self.dice.random() < 0.2:
            self.patient.change("extend", claim)
        if self.dice.random() < 0.15:
            self.patient.change("release", claim)
        elif self.patient.change("confirm", claim).outcome is Outcome.OK:
            self._live_with(claim)

    def _claim(self, *, hold: bool) -> Claim | None:
        wish = self.patient.wish_for(self._some_slot(self.dice.choice(list(PLAN.field))), hold=hold)
        answer = self.patient.insist(wish)
        if self.dice.random() < 0.1:  # an impatient double click
            self.patient.insist(wish)
        return claim_in(answer, wish.slot or "", hold=hold)

    def _live_with(self, claim: Claim) -> None:
        chance = self.dice.random()
        if chance < 0.25:
            self.patient.change("cancel", claim)
        elif chance < 0.4:
            self.patient.reschedule(claim, self._some_slot(DOCTOR_OF[claim.slot]))

    def _some_slot(self, doctor: str) -> str:
        return self.dice.choice(PLAN.field[doctor])


class SeatSeeker(Visitor):
    """Looks at the seats of a showtime and takes some, or the best; sometimes gives them back."""

    weight = PROFILE.moviegoers if PLAN.halls else 0
    headers = PLAN.client_headers
    wait_time = between(0.2, 0.8)

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.goer = Moviegoer(self.patient)
        self.maps: dict[str, tuple[str, frozenset[str]]] = {}

    @task(2)
    def look_around(self) -> None:
        self.patient.look("movies", "/api/movies")
        self._not_free(self.dice.choice(list(PLAN.halls)))

    @task(4)
    def take_some(self) -> None:
        showtime = self.dice.choice(list(PLAN.halls))
        not_free = self._not_free(showtime)
        free = [seat for seat in PLAN.halls[showtime] if seat not in not_free]
        is_hold = self.dice.random() < 0.5
        if free:
            wanted = self.dice.sample(free, min(len(free), self.dice.randint(1, 4)))
            self._live_with(seats_in(self.goer.take(wanted, hold=is_hold)), is_hold=is_hold)

    @task(1)
    def take_the_best(self) -> None:
        showtime = self.dice.choice(list(PLAN.halls))
        self._live_with(seats_in(self.goer.take_best(showtime, self.dice.randint(1, 4))), is_hold=False)

    def _not_free(self, showtime: str) -> frozenset[str]:
        """As the map says; asked for only if it has changed."""
        etag, known = self.maps.get(showtime, ("", frozenset()))
        path = f"/api/showtimes/{showtime}/seats?sparse=1"
        headers = {"If-None-Match": etag} if etag else {}
        answer = self.patient.transport.send("GET", path, None, headers, "seat map")
        if answer.outcome is Outcome.OK:
            known = frozenset(str(seat["id"]) for seat in answer.data["seats"])
            self.maps[showtime] = answer.headers.get("etag", ""), known
        return known

    def _live_with(self, claim: SeatClaim | None, *, is_hold: bool) -> None:
        if claim is None or (is_hold and self.dice.random() < 0.1):  # some close the tab
            return
        if is_hold and self.dice.random() < 0.2:
            self.goer.change("release", claim)
            return
        is_booked = not is_hold or self.goer.change("confirm", claim).outcome is Outcome.OK
        if is_booked and self.dice.random() < 0.5:
            self.goer.change("cancel", claim)


class Rusher(Visitor):
    """Wants what everybody wants, at the moment everybody wants it."""

    weight = PROFILE.rushers
    headers = PLAN.client_headers
    wait_time = constant(0)
    rounds_seen: ClassVar[int] = 0

    @task
    def rush(self) -> None:
        number = int((time.monotonic() - BEGAN) / PLAN.round_seconds) + 1
        gevent.sleep(max(0.0, BEGAN + number * PLAN.round_seconds - time.monotonic()))
        if number >= len(PLAN.contested):
            return
        claim = self.patient.claim(PLAN.contested[number], hold=PLAN.is_hold_round(number))
        if claim is not None and claim.is_hold:
            self.patient.change("confirm", claim)
