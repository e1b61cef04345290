"""Seats by HTTP: the map, holding and booking, the best available (A28, api.md)."""

from __future__ import annotations

import pytest

from app.web.parts import EXTENSION
from tests.cinema import Cinema, block

ADA = {"patient_name": "Ada Lind", "patient_email": "ada@example.org"}


@pytest.fixture
def cinema(app):
    return Cinema.on(app.extensions[EXTENSION].database)


@pytest.fixture
def showtime(cinema):
    return cinema.add_showtime()


@pytest.fixture
def seats(cinema, showtime):
    return {label: str(slot_id) for label, slot_id in cinema.ids(showtime).items()}


def book(client, *slot_ids, **more):
    return client.post("/api/bookings", json={"slot_ids": list(slot_ids), **ADA, **more})


def owner(made):
    return {"X-Manage-Token": made.json["data"]["manage_token"]}


def test_the_map_has_every_seat_with_its_price_and_place(client, showtime):
    seen = client.get(f"/api/showtimes/{showtime}/seats").json["data"]

    assert (seen["total"], seen["free"], seen["is_sparse"]) == (9, 9, False)
    assert seen["zones"] == [
        {"name": "Front", "price": "9.00", "price_cents": 900},
        {"name": "Back", "price": "12.50", "price_cents": 1250},
    ]
    first = seen["seats"][0]
    assert {name: first[name] for name in ("row", "number", "kind", "price", "state", "x", "y")} == {
        "row": "A", "number": 1, "kind": "wheelchair", "price": "9.00", "state": "OPEN", "x": 1, "y": 1,
    }  # fmt: skip


def test_a_sparse_map_has_only_the_seats_that_are_not_free(client, showtime, seats):
    book(client, seats["B1"])
    book(client, seats["B2"], hold=True)

    full = client.get(f"/api/showtimes/{showtime}/seats").json["data"]
    sparse = client.get(f"/api/showtimes/{showtime}/seats?sparse=1").json["data"]

    assert [(seat["id"], seat["state"], seat["version"]) for seat in sparse["seats"]] == [
        (seats["B1"], "BOOKED", 2),
        (seats["B2"], "HELD", 2),
    ]
    assert sparse["layout_version"] == full["layout_version"]
    assert sparse["free"] == 7


@pytest.mark.parametrize("query", ["", "?sparse=1"])
def test_a_map_that_did_not_change_is_not_sent_again(client, showtime, seats, query):
    path = f"/api/showtimes/{showtime}/seats{query}"
    first = client.get(path)

    same = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
    book(client, seats["B1"])
    other = client.get(path, headers={"If-None-Match": first.headers["ETag"]})

    assert (same.status_code, same.data) == (304, b"")
    assert same.headers["ETag"] == first.headers["ETag"]
    assert other.status_code == 200
    assert other.headers["ETag"] != first.headers["ETag"]


def test_seats_are_booked_together_under_one_reference(client, seats):
    made = book(client, seats["B2"], seats["B1"])

    booking = made.json["data"]
    assert made.status_code == 201
    assert [(slot["row"], slot["number"], slot["price"]) for slot in booking["slots"]] == [
        ("B", 1, "12.50"), ("B", 2, "12.50"),
    ]  # fmt: skip
    assert (booking["status"], booking["showtime"]["total"]) == ("CONFIRMED", "25.00")
    assert client.get(made.headers["Location"], headers=owner(made)).json["data"]["id"] == booking["id"]


def test_a_lost_group_hears_which_seats_are_gone_and_what_is_near(client, seats):
    book(client, seats["B1"])

    lost = book(client, seats["B1"], seats["B2"])

    assert (lost.status_code, lost.json["reason"]) == (409, "SLOT_TAKEN")
    assert lost.json["seats"] == [{"id": seats["B1"], "row": "B", "number": 1, "reason": "SLOT_TAKEN"}]
    assert lost.json["detail"] == "Seat B1 is already sold."
    assert len(lost.json["alternatives"]) == 3


def test_a_hold_warns_grows_shrinks_and_is_confirmed(client, seats):
    held = book(client, seats["B4"], hold=True)
    path = f"/api/bookings/{held.json['data']['id']}"

    more = client.post(f"{path}/slots", json={"slot_ids": [seats["B3"], seats["B5"]]}, headers=owner(held))
    fewer = client.delete(f"{path}/slots/{seats['B5']}", headers=owner(held))
    done = client.post(f"{path}/confirm", json={}, headers=owner(held))

    assert [warning["code"] for warning in held.json["data"]["warnings"]] == ["STRAY_SEAT", "STRAY_SEAT"]
    assert more.json["data"]["warnings"] == []
    assert more.json["data"]["expires_at"] == held.json["data"]["expires_at"]
    assert [slot["number"] for slot in fewer.json["data"]["slots"]] == [3, 4]
    assert done.json["data"]["status"] == "CONFIRMED"


def test_a_stranger_changes_no_hold(client, seats):
    held = book(client, seats["B4"], hold=True)
    path = f"/api/bookings/{held.json['data']['id']}/slots"

    assert client.post(path, json={"slot_ids": [seats["B3"]]}).status_code == 401
    assert client.delete(f"{path}/{seats['B4']}", headers={"X-Manage-Token": "x" * 43}).status_code == 401


def test_seats_are_changed_for_others_by_the_same_reschedule(client, seats):
    made = book(client, seats["B1"], seats["B2"])
    path = f"/api/bookings/{made.json['data']['id']}/reschedule"

    moved = client.post(path, json={"slot_ids": [seats["B4"], seats["B5"]]}, headers=owner(made))
    neither = client.post(path, json={}, headers=owner(made))

    assert [slot["number"] for slot in moved.json["data"]["slots"]] == [4, 5]
    assert moved.json["data"]["reference"] == made.json["data"]["reference"]
    assert neither.status_code == 422


def test_the_best_seats_are_held_without_a_name_and_booked_with_one(client, cinema):
    showtime = cinema.add_showtime(block(3, 6))
    path = f"/api/showtimes/{showtime}/best-available"

    held = client.post(path, json={"count": 2})
    nameless = client.post(path, json={"count": 2, "hold": False})
    booked = client.post(path, json={"count": 2, "hold": False, "together": True, **ADA})

    assert (held.status_code, held.json["data"]["status"]) == (201, "PENDING")
    assert "manage_token" in held.json["data"]
    assert nameless.status_code == 422
    assert booked.json["data"]["status"] == "CONFIRMED"
    numbers = [slot["number"] for slot in booked.json["data"]["slots"]]
    assert numbers[1] == numbers[0] + 1


def test_the_best_of_a_full_hall_is_refused_with_the_reason(client, cinema):
    showtime = cinema.add_showtime(block(1, 3))
    path = f"/api/showtimes/{showtime}/best-available"

    too_many = client.post(path, json={"count": 4})
    client.post(path, json={"count": 3, "hold": False, **ADA})
    sold_out = client.post(path, json={"count": 1})

    assert (too_many.json["reason"], too_many.json["free_seats"]) == ("SOLD_OUT", 3)
    assert (sold_out.status_code, sold_out.json["detail"]) == (409, "No seat is left.")
    assert sold_out.json["retryable"] is False


def test_the_best_is_repeated_for_a_repeated_key(client, showtime):
    path, headers = f"/api/showtimes/{showtime}/best-available", {"Idempotency-Key": "one-wish"}

    first = client.post(path, json={"count": 2}, headers=headers)
    again = client.post(path, json={"count": 2}, headers=headers)

    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json["data"]["id"] == first.json["data"]["id"]


def test_a_seat_is_a_slot_like_any_other(client, showtime, seats):
    one = client.get(f"/api/slots/{seats['B2']}").json["data"]
    listed = client.get(f"/api/slots?showtime_id={showtime}&limit=4").json
    rest = client.get(f"/api/slots?showtime_id={showtime}&cursor={listed['page']['next_cursor']}").json

    assert (one["row"], one["number"], one["doctor_id"], one["is_available"]) == ("B", 2, None, True)
    assert len(listed["data"]) + len(rest["data"]) == 9
    assert client.get("/api/slots").json["data"] == []
    assert client.get(f"/api/slots?showtime_id={showtime}&doctor_id=1").status_code == 422


def test_a_closed_seat_stays_in_its_hall_and_is_not_sold(client, bearer, showtime, seats):
    removed = client.delete(f"/api/slots/{seats['B2']}", headers=bearer("admin"))

    lost = book(client, seats["B2"])

    assert removed.json["data"]["outcome"] == "CLOSED"
    assert (lost.json["reason"], lost.json["detail"]) == ("SLOT_BLOCKED", "Seat B2 is not for sale.")
    states = {seat["id"]: seat["state"] for seat in
              client.get(f"/api/showtimes/{showtime}/seats").json["data"]["seats"]}  # fmt: skip
    assert states[seats["B2"]] == "BLOCKED"


def test_bookings_of_seats_are_listed_and_counted_with_the_others(client, bearer, showtime, seats):
    staff = bearer("staff")
    book(client, seats["B1"])

    listed = client.get(f"/api/bookings?showtime_id={showtime}", headers=staff).json["data"]
    stats = client.get("/api/bookings/stats", headers=staff).json["data"]
    appointments = client.get("/api/appointments", headers=staff).json["data"]

    assert [booking["showtime_id"] for booking in listed] == [str(showtime)]
    assert stats["by_status"]["CONFIRMED"] == 1
    assert appointments == []
