"""Rows 1 to 13: who may see and do what."""

from __future__ import annotations

import base64
import json
import statistics
import time
import uuid
from collections import Counter

from loadtest.faults import fault
from tests.attack.field import PASSWORD, Browser, Field, expect, within
from tests.attack.table import by_tests, live

CLOSED = (
    ("POST", "/api/election", {"algorithm": "bully"}, "operator"),
    ("POST", "/api/servers/election", {"algorithm": "ring"}, "operator"),
    ("POST", "/api/cluster/drain", {"node": "node-1", "reason": "attack"}, "operator"),
    ("POST", "/api/cluster/hand-over", {"reason": "attack"}, "operator"),
    ("POST", "/api/cluster/clock-round", {"reason": "attack"}, "operator"),
    ("POST", "/api/cluster/resync", {"reason": "attack"}, "operator"),
    ("POST", "/api/bookings/expire-pending", None, "admin"),
    ("POST", "/api/concurrent", {"clients": 2}, "admin"),
    ("POST", "/api/doctors", {"name": "Dr. No", "specialization": "None"}, "admin"),
    ("GET", "/api/users", None, "admin"),
    ("GET", "/api/audit", None, "operator"),
)


GUESSES = 1000


@live(1, "register with a role of one's own choice")
def role_in_registration(field: Field) -> str:
    plain = {"name": "Role Player", "password": PASSWORD}
    told = []
    for number, extra in enumerate(
        (
            {"role": "admin"},
            {"is_admin": 1},
            {"ROLE": "admin"},
            {"user": {"role": "admin"}},
            {"role": ["admin"]},
        )
    ):
        body = {**plain, "email": f"r{number}-{field.mark}@example.org", **extra}
        told.append(field.ask("POST", "/api/auth/register", body).status)
    double = b'{"email":"d@example.org","name":"D D","password":"oneslot-demo","role":"user","role":"admin"}'
    told.append(
        field.ask(
            "POST", "/api/auth/register", raw=double, headers={"Content-Type": "application/json"}
        ).status
    )
    form = {"email": "f@example.org", "name": "F F", "password": PASSWORD, "role": "admin"}
    told.append(field.ask("POST", "/api/auth/register", form=form).status)
    expect(not {200, 201} & set(told), f"one of them was let in: {told}")
    _, user = field.new_patient("Plain")
    expect(user["role"] == "patient", f"a plain registration became {user['role']}")
    return f"answers {told}; plain is patient"


@live(2, "change role, id, fence or status of one's own profile")
def profile_fields(field: Field) -> str:
    headers, _ = field.new_patient("Profile")
    told = [
        field.ask("PATCH", "/api/auth/me", {"name": "Still Me", name: "admin"}, headers).status
        for name in ("role", "id", "fence", "status", "limit_factor", "all_doctors")
    ]
    expect(set(told) == {422}, f"answers {told}")
    expect(
        field.ask("GET", "/api/auth/me", headers=headers).data["user"]["role"] == "patient", "role changed"
    )
    return "422 each, role unchanged"


@live(3, "list bookings without a login")
def anonymous_list(field: Field) -> str:
    told = [field.ask("GET", path).status for path in ("/api/bookings", "/api/appointments", "/api/patients")]
    expect(set(told) == {401}, f"answers {told}")
    return "401 each"


@live(4, "list another's bookings by userId, all=1, filter[], cursors")
def others_by_filter(field: Field) -> str:
    mine, me = field.new_patient("Reader")
    theirs, other = field.new_patient("Owner")
    slot = field.new_slots(1)[0]
    expect(field.book(slot, theirs).status == 201, "the owner could not book")
    asked = (
        f"userId={other['id']}", f"user_id={other['id']}", "all=1", "filter[]=x", "limit=100&cursor=AAAA",
        f"user_id={other['id']}&user_id={me['id']}",
    )  # fmt: skip
    told = {}
    for query in asked:
        answer = field.ask("GET", f"/api/bookings?{query}", headers=mine)
        shown = answer.data if answer.status == 200 else []
        expect(not shown, f"{query} shows {len(shown)} bookings of somebody else")
        told[query.partition("=")[0]] = answer.status
    return f"nothing of another's: {told}"


@live(5, "read, cancel, confirm another's booking by its id; guess ids")
def others_by_id(field: Field) -> str:
    mine, _ = field.new_patient("Guesser")
    theirs, _ = field.new_patient("Victim")
    known = field.book(field.new_slots(1)[0], theirs).data["id"]
    for method, action in (("GET", ""), ("POST", "/cancel"), ("POST", "/confirm"), ("PATCH", "/cancel")):
        status = field.ask(method, f"/api/bookings/{known}{action}", headers=mine).status
        expect(status == 404, f"{method} {action or 'read'} of another's is {status}")
    apart = {
        f"{method} {action}".strip(): _time_apart(field, method, known, action, mine, rounds)
        for method, action, rounds in (("GET", "", 60), ("POST", "/cancel", 15), ("POST", "/confirm", 15))
    }
    for what, milliseconds in apart.items():
        expect(
            milliseconds < 10,
            f"{what} tells an id that exists {milliseconds:.1f} ms apart from one that does not",
        )
    statuses = Counter(
        field.ask("GET", f"/api/bookings/{uuid.uuid4()}", headers=mine, source="127.0.0.5").status
        for _ in range(GUESSES)
    )
    expect(set(statuses) == {404, 429}, f"{GUESSES} guesses: {dict(statuses)}")
    expect(statuses[429] > statuses[404], f"guessing is hardly limited: {dict(statuses)}")
    told = ", ".join(f"{what} {milliseconds:.2f} ms" for what, milliseconds in apart.items())
    return f"404 each; apart: {told}; {GUESSES} guesses: {dict(statuses)}"


def _time_apart(
    field: Field, method: str, known: str, action: str, headers: dict[str, str], rounds: int
) -> float:
    """Milliseconds between the medians for an id that exists and one that does not, asked in turn."""
    times: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(rounds):
        for exists in times:
            wanted = known if exists else str(uuid.uuid4())
            began = time.perf_counter()
            status = field.ask(
                method, f"/api/bookings/{wanted}{action}", headers=headers, door=field.nodes[0]
            ).status
            times[exists].append(time.perf_counter() - began)
            expect(status == 404, f"{method} {action} of {'another' if exists else 'nobody'} is {status}")
    return abs(statistics.median(times[True]) - statistics.median(times[False])) * 1000


@live(6, "staff of one doctor reads another's list", "tests/web/api/test_roles.py")
def other_doctor(field: Field) -> str:
    headers, user = field.new_patient("Staff")
    doctors = [doctor["id"] for doctor in field.ask("GET", "/api/doctors?limit=2").data][:2]
    change = {"role": "staff", "all_doctors": False, "doctor_ids": doctors[:1]}
    made = field.ask("PATCH", f"/api/users/{user['id']}", change, field.as_role("admin"))
    expect(made.status == 200, f"making staff: {made.text[:200]}")
    told = [field.ask("GET", f"/api/bookings?doctor_id={d}", headers=headers).status for d in doctors]
    expect(told == [200, 404], f"answers {told}")
    return "own doctor 200, other doctor 404"


@live(7, "patient data in public answers, streams, replicas, metrics")
def canaries(field: Field) -> str:
    canary = f"Quetzal{field.mark}"
    slot = field.new_slots(1)[0]
    body = {"patient_name": canary, "patient_email": f"{canary}@example.org", "patient_phone": "+49 30 7654321",
            "reason": f"{canary} reason"}  # fmt: skip
    booked = field.ask("POST", "/api/bookings", {"slot_id": slot, **body})
    expect(booked.status == 201, f"the canary could not book: {booked.text[:200]}")
    doctor = booked.data["doctor_id"]
    time.sleep(2)
    public = (
        "/api/doctors", f"/api/doctors/{doctor}", f"/api/doctors/{doctor}/slots", f"/api/slots/{slot}",
        f"/api/slots?doctor_id={doctor}", f"/api/availability?doctor_id={doctor}&date={booked.data['slot_time'][:10]}",
        "/api/health", "/health", "/api/servers", "/api/election", "/api/sync", "/api/replicas", "/api/status-board",
        "/api/cluster/balancing", "/openapi.json", "/", f"/doctors/{doctor}", "/movies", "/monitor/health",
        "/monitor/clocks", "/monitor/integrity", "/monitor/replication", "/monitor/requests",
    )  # fmt: skip
    told = [field.ask("GET", path, headers={"Accept": "*/*"}).text for path in public]
    leaks = [path for path, text in zip(public, told, strict=True) if canary in text or "7654321" in text]
    expect(not leaks, f"seen in {leaks}")
    seen = _canary_in_redis(field, canary) + _canary_in_logs(field, canary)
    expect(not seen, f"seen in {seen}")
    return f"in none of {len(public)} public answers, nor in Redis, nor in any log"


def _canary_in_redis(field: Field, canary: str) -> list[str]:
    import redis

    with redis.Redis.from_url(field.target.redis_url) as client:
        found = []
        for key in client.scan_iter(count=500):
            value = client.dump(key) or b""
            if canary.encode() in value or canary.encode() in key:
                found.append(f"redis {key.decode(errors='replace')}")
    return found


def _canary_in_logs(field: Field, canary: str) -> list[str]:
    from loadtest.target import STACK_FILE

    logs = (STACK_FILE.parent.parent / "log").glob("*.log")
    # PostgreSQL writes a failed statement with its values; the product makes none fail on purpose.
    return [log.name for log in logs if canary in log.read_text(errors="replace")]


@live(8, "elections, clocks, draining, expiring as anybody")
def operator_orders(field: Field) -> str:
    for method, path, body, _ in CLOSED:
        expect(field.ask(method, path, body).status == 401, f"{path} without a login")
        status = field.ask(method, path, body, field.as_role("patient")).status
        expect(status == 403, f"{path} as a patient: {status}")
    return f"{len(CLOSED)} closed routes: 401 without a login, 403 as a patient"


@live(9, "calls between nodes: through nginx, unsigned, old, replayed", "tests/coordination/test_rpc_seal.py")
def rpc_from_outside(field: Field) -> str:
    told = [field.ask("POST", path, {}).status for path in ("/internal/rpc", "/internal/", "//internal/rpc")]
    expect(set(told) == {404}, f"through nginx: {told}")
    return "404 through nginx; forged, old, replayed and other nodes' seals by tests"


by_tests(
    10,
    "forged coordinator, shifted clock, poisoned vector",
    "tests/coordination/test_leadership.py",
    "tests/coordination/test_stamps.py",
)


@live(11, "bearer tokens: none, altered, expired, of another key or audience", "tests/web/api/test_auth.py")
def forged_tokens(field: Field) -> str:
    real = field.new_patient("Token")[0]["Authorization"].removeprefix("Bearer ")
    head, claims, signature = real.split(".")
    nobody = _part({"alg": "none", "typ": "JWT"})
    edited = _part({**json.loads(base64.urlsafe_b64decode(claims + "==")), "role": "admin"})
    forged = (
        f"{nobody}.{claims}.", f"{nobody}.{claims}.{signature}", f"{head}.{edited}.{signature}",
        f"{_part({'alg': 'HS256', 'kid': '../../dev/null'})}.{claims}.{signature}", real[:-2] + "AA", "",
    )  # fmt: skip
    told = [
        field.ask("GET", "/api/auth/me", headers={"Authorization": f"Bearer {token}"}, door=door).status
        for token in forged
        for door in field.nodes
    ]
    expect(set(told) == {401}, f"answers {sorted(set(told))}")
    return f"401 for {len(forged)} forgeries at {len(field.nodes)} nodes"


def _part(value: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@live(12, "a token after logout, password change, disabling: other nodes, Redis stopped")
def ended_elsewhere(field: Field) -> str:
    one, *others = field.nodes
    took = {}
    with fault("redis-stop", field.target):
        for what in ("logout", "password", "disabled"):
            headers, user = field.new_patient("Leaver", door=one)
            second = field.log_in(user["email"], door=others[0])
            expect(all(_is_in(field, second, door) for door in others), "not logged in on the others")
            _end(field, what, headers, user, one)
            took[what] = max(
                within(5, lambda door=door, second=second: not _is_in(field, second, door)) for door in others
            )
    return "Redis stopped; out on the other nodes after " + ", ".join(
        f"{w} {s:.2f} s" for w, s in took.items()
    )


def _end(field: Field, what: str, headers: dict[str, str], user: dict[str, str], door: str) -> None:
    if what == "logout":
        told = field.ask("POST", "/api/auth/logout", {"everywhere": True}, headers, door=door)
    elif what == "password":
        body = {"current_password": PASSWORD, "new_password": "quite another one"}
        told = field.ask("POST", "/api/auth/password", body, headers, door=door)
    else:
        body = {"is_disabled": True}
        told = field.ask("PATCH", f"/api/users/{user['id']}", body, field.as_role("admin"), door=door)
    expect(told.status == 200, f"{what}: {told.status} {told.text[:200]}")


def _is_in(field: Field, headers: dict[str, str], door: str) -> bool:
    return field.ask("GET", "/api/auth/me", headers=headers, door=door).status == 200


@live(13, "session fixation", "tests/web/pages/test_account.py")
def fixation(field: Field) -> str:
    _, user = field.new_patient("Fixed")
    browser = Browser(field, {"sid": "planted"})
    first = browser.post("/login", {"email": user["email"], "password": PASSWORD})
    token = browser.cookies["sid"]
    browser.post("/login", {"email": user["email"], "password": PASSWORD})
    expect(first.status == 303 and token != "planted", f"the planted token stayed ({first.status})")
    expect(browser.cookies["sid"] != token, "the token is the same after the second login")
    old = Browser(field, {"sid": token}).get("/account").status
    expect(old == 303, f"the token before still opens the account: {old}")
    return "a new token with each login; the earlier one is over"
