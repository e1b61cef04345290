"""Rows 14 to 19: guessing, hoarding, dodging limits, odd orders of calls, odd values."""

from __future__ import annotations

import time
import uuid

from loadtest.faults import fault
from tests.attack.field import Field, expect
from tests.attack.table import live

GUESSER, GUEST, DODGER = "127.0.0.21", "127.0.0.22", "127.0.0.23"


@live(
    14,
    "100 wrong passwords; one each on many accounts; telling accounts apart",
    "tests/web/api/test_account.py",
)
def guessing(field: Field) -> str:
    _, user = field.new_patient("Target")

    def guess(email: str, source: str) -> tuple[int, str, float]:
        began = time.perf_counter()
        body = {"email": email, "password": "a wrong guess"}
        answer = field.ask("POST", "/api/auth/login", body, source=source)
        return answer.status, answer.json["detail"], time.perf_counter() - began

    # In turns, and the quickest of each: what else the machine does then slows both alike.
    nobody = f"nobody-{field.mark}@example.org"
    pairs = [(guess(user["email"], GUESSER), guess(nobody, "127.0.0.24")) for _ in range(9)]
    known, unknown = zip(*pairs, strict=True)
    expect({each[1] for each in known} == {each[1] for each in unknown}, "the words tell accounts apart")
    slow, other = (min(each[2] for each in told) for told in (known, unknown))
    expect(abs(slow - other) < 0.1 * max(slow, other) + 0.01, f"the times tell: {slow:.3f} s, {other:.3f} s")
    rest = [guess(user["email"], GUESSER)[0] for _ in range(91)]
    expect(rest.count(429) >= 90, f"of 100 guesses {100 - rest.count(429)} were looked at")
    spread = [guess(f"n{number}-{field.mark}@example.org", "127.0.0.25")[0] for number in range(102)]
    expect(spread.count(429) >= 2, "one guess at each of a hundred accounts was not noticed")
    return f"equal words, {slow * 1000:.0f} and {other * 1000:.0f} ms; after ten 429; after a hundred accounts 429"


@live(
    15,
    "keep fifty slots; fifty accounts; take a lapsed time again and again",
    "tests/booking/test_allowances.py",
)
def hoarding(field: Field) -> str:
    slots = field.new_slots(60)
    headers, _ = field.new_patient("Hoarder")
    told = [field.book(slot, headers, hold=True) for slot in slots[:50]]
    got = [answer.status for answer in told].count(201)
    refused = [answer for answer in told if answer.status == 429]
    expect(got == 3 and len(refused) == 47, f"one account holds {got}")
    expect(all(int(answer.headers["retry-after"]) > 0 for answer in refused), "no Retry-After")
    crowd = [field.book(slot, hold=True, source=GUEST).status for slot in slots[3:60]]
    expect(crowd.count(201) <= 40, f"one address without a login holds {crowd.count(201)}")
    return f"an account holds 3 of 50; an address without a login {crowd.count(201)} of {len(crowd)}"


@live(16, "dodge limits by X-Forwarded-For, by node, with Redis stopped", "tests/coordination/test_rates.py")
def dodging(field: Field) -> str:
    def written(source: str, tries: int, doors: tuple[str | None, ...]) -> int:
        passed = 0
        for number in range(tries):
            claimed = {"X-Forwarded-For": f"198.51.100.{number % 250}", "Forwarded": "for=198.51.100.1"}
            door = doors[number % len(doors)]
            status = field.ask("POST", "/api/bookings", {}, claimed, door=door, source=source).status
            passed += status == 422
        return passed

    through_nginx = written(DODGER, 400, (None,))
    expect(through_nginx < 400, "400 writes at once passed nginx under made-up addresses")
    headers, _ = field.new_patient("Dodger")
    with fault("redis-stop", field.target):
        slots = field.new_slots(12)
        held = [
            field.book(slot, headers, hold=True, door=field.nodes[n % 3]).status
            for n, slot in enumerate(slots)
        ]
    expect(held.count(201) == 3, f"Redis stopped, three nodes: {held.count(201)} holds")
    return f"nginx let {through_nginx} of 400 pass; Redis stopped, three nodes, still 3 holds"


@live(17, "confirm without a hold, twice, after cancelling; cancel twice; odd fences")
def odd_orders(field: Field) -> str:
    one, two, three = field.new_slots(3)
    told = {}
    booked = field.book(one).data
    held = field.book(two, hold=True).data
    other = field.book(three, hold=True).data

    def act(what: str, booking: dict[str, str], token: str | None = None) -> int:
        headers = {"X-Manage-Token": token or booking["manage_token"]}
        return field.ask("POST", f"/api/bookings/{booking['id']}/{what}", {}, headers).status

    told["confirm a booking"] = act("confirm", booked)
    told["confirm"] = act("confirm", held)
    told["confirm twice"] = act("confirm", held)
    told["cancel"] = act("cancel", held)
    told["cancel twice"] = act("cancel", held)
    told["confirm after cancel"] = act("confirm", held)
    told["another's hold"] = act("confirm", other, held["manage_token"])
    told["unknown"] = act("confirm", {"id": str(uuid.uuid4()), "manage_token": held["manage_token"]})
    fences = [field.book(one, fence=fence).status for fence in (-1, 10**30, "x")]
    wanted = {"confirm a booking": 409, "confirm": 200, "confirm twice": 409, "cancel": 200, "cancel twice": 409,
              "confirm after cancel": 409, "another's hold": 404, "unknown": 404}  # fmt: skip
    expect(told == wanted, f"{told}")
    expect(set(fences) == {422}, f"fences in a request: {fences}")
    return "409, 410 or 404 wherever it should; fences are not taken from requests"


@live(18, "past, overlapping, too many, year 9999, no length", "tests/directory/test_wall_time.py")
def odd_times(field: Field) -> str:
    admin = field.as_role("admin")
    doctor = field.ask("GET", "/api/doctors?limit=1").data[0]["id"]
    long_bulk = {"doctor_id": doctor, "start_date": "2030-01-01", "end_date": "2099-12-31", "start_time": "00:00",
                 "end_time": "23:59", "duration_minutes": 5}  # fmt: skip
    asked = (
        ("POST", "/api/bookings", {"doctor_id": doctor, "slot_time": "9999-12-31T23:59:59Z", "patient_name": "A B",
                                   "patient_email": "a@example.org"}),
        ("POST", "/api/appointments", {"doctor_id": doctor, "start": "2001-01-01T10:00:00Z", "end": "2001-01-01T10:30:00Z",
                                       "patient_name": "A B", "patient_email": "a@example.org"}),
        ("POST", "/api/slots/bulk", long_bulk),
        ("POST", "/api/slots/bulk", {**long_bulk, "end_date": "2030-01-01", "duration_minutes": 0}),
        ("POST", "/api/slots", {"doctor_id": doctor, "slot_time": "2030-03-31T02:30:00", "duration_minutes": 0}),
        ("GET", "/api/slots?limit=1000000", None),
        ("GET", "/api/availability?doctor_id=1&date=99999-01-01", None),
    )  # fmt: skip
    told = [field.ask(method, path, body, admin).status for method, path, body in asked]
    expect(set(told) <= {400, 404, 422}, f"answers {told}")
    return f"answers {told}"


@live(19, "another's Idempotency-Key; a key of 10 KB; the same key for something else")
def keys(field: Field) -> str:
    one, two, three = field.new_slots(3)
    key = {"Idempotency-Key": f"key-{field.mark}"}
    mine, theirs = field.new_patient("Mine")[0], field.new_patient("Theirs")[0]
    first = field.book(one, {**mine, **key})
    again = field.book(one, {**mine, **key})
    other = field.book(two, {**theirs, **key})
    reused = field.book(three, {**mine, **key})
    long = field.book(three, {**mine, "Idempotency-Key": "k" * 10_000})
    expect(again.data["id"] == first.data["id"], "a repeat made a second booking")
    expect(other.status == 201 and other.data["id"] != first.data["id"], "keys of two people are one")
    expect(reused.status == 422, f"the same key for something else: {reused.status}")
    expect(long.status in {400, 422, 431}, f"a key of 10 KB: {long.status}")
    return f"scopes apart; reused 422; 10 KB {long.status}"
