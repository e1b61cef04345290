"""Every event once, whoever relays how often; and nothing of a person in it."""

import itertools
import json
import re
from pathlib import Path

import pytest

import app.booking
from app.booking import actions
from app.booking.actions import expire_due_holds
from app.tables.booking import BookingStatus
from app.webhooks.events import KINDS, KINDS_OF_ACTION
from app.webhooks.relay import relay
from tests.webhooks.office import DESK, Office

NOWHERE = "http://127.0.0.1:9/hook"


def told(office: Office, webhook_id) -> list[str]:
    return sorted(row["type"] for row in office.deliveries(webhook_id))


def test_a_booking_is_told_through_its_whole_life(office: Office):
    webhook = office.register(NOWHERE)
    engine, moved_to = office.parts.engine, office.slot(50)

    booking = office.hold()
    actions.extend_hold(engine, booking, DESK)
    actions.confirm_booking(engine, booking, DESK)
    actions.reschedule_booking(engine, booking, moved_to, DESK)
    office.begin_now(booking)
    actions.mark_attendance(engine, booking, BookingStatus.ARRIVED, DESK)
    office.relay()

    assert told(office, webhook) == sorted(
        ["booking.created", "booking.extended", "booking.confirmed", "booking.moved", "booking.attendance"]
    )


def test_cancelled_released_and_expired_are_told_apart(office: Office):
    webhook = office.register(NOWHERE, ["booking.cancelled", "booking.released", "booking.expired"])
    office.cancel(office.book())
    actions.release_hold(office.parts.engine, office.hold(office.slot(60)), DESK)
    slot = office.slot(70)
    office.lapse(office.hold(slot))
    office.hold(slot)
    office.relay()

    assert told(office, webhook) == ["booking.cancelled", "booking.expired", "booking.released"]


def test_what_is_told_names_the_booking_and_nobody(office: Office):
    webhook = office.register(NOWHERE)
    booking = office.book()
    office.cancel(booking)
    office.relay()

    rows = office.deliveries(webhook)
    text = "".join(row["body"] for row in rows)
    body = json.loads(rows[0]["body"])
    assert set(body) == {"id", "type", "timestamp", "data"}
    assert set(body["data"]["booking"]) == {
        "id", "reference", "status", "doctor_id", "showtime_id", "slot_ids", "starts_at", "ends_at",
        "sequence",
    }  # fmt: skip
    assert body["data"]["booking"]["id"] == str(booking)
    for canary in ("Canary", "canary", "5550199", "Cardiology", "Ada"):
        assert canary not in text


def test_an_event_is_queued_once_however_often_it_is_relayed(office: Office):
    webhook = office.register(NOWHERE)
    office.book()
    first = office.relay()
    with office.parts.database.transaction() as tx:
        tx.exec_driver_sql("DELETE FROM webhook_cursors")

    again = [*office.relay(), *office.relay()]

    assert (len(first), again) == (2, [])
    assert told(office, webhook) == ["booking.confirmed", "booking.created"]


def test_whoever_dies_while_relaying_has_moved_nothing(office: Office):
    webhook = office.register(NOWHERE)
    office.book()
    office.tie()

    class Dies(Exception):
        pass

    def relay_and_die(tx):
        assert len(relay(tx)) == 2
        raise Dies

    with pytest.raises(Dies):
        office.parts.database.run(relay_and_die)
    assert office.deliveries(webhook) == []
    office.relay()

    assert len(office.deliveries(webhook)) == 2


def test_an_endpoint_hears_of_what_happens_after_it_was_registered(office: Office):
    before = office.book()
    office.tie()
    first = office.register(NOWHERE)
    office.book(office.slot(60))
    second = office.register(NOWHERE, ["booking.cancelled"])
    office.cancel(before)
    office.relay()

    assert told(office, first) == ["booking.cancelled", "booking.confirmed", "booking.created"]
    assert told(office, second) == ["booking.cancelled"]


def test_more_than_one_round_holds_is_told_in_the_next(office: Office, monkeypatch):
    monkeypatch.setattr("app.webhooks.relay.READ_AT_ONCE", 2)
    webhook = office.register(NOWHERE, ["booking.confirmed"])
    for hours in (50, 51, 52):
        office.book(office.slot(hours))

    rounds = list(itertools.takewhile(len, (office.relay() for _ in itertools.count())))

    assert len(rounds) > 1
    assert len(office.deliveries(webhook)) == 3


def test_every_action_on_a_booking_that_the_audit_knows_is_an_event_or_left_out_on_purpose():
    """A new action shall be noticed here."""
    code = "".join(file.read_text() for file in Path(app.booking.__file__).parent.glob("*.py"))
    written = set(re.findall(r'\.audit\(\s*"(\w+)"', code)) | {
        "hold",
        "book",
        "cancel",
        "add",
        "drop",
        "expire",
    }

    # An overbooking is booked too, and that is told.
    assert written - set(KINDS_OF_ACTION) == {"overbook"}
    assert len(KINDS) == 9


def test_the_sweep_of_the_leader_is_told_too(office: Office):
    webhook = office.register(NOWHERE, ["booking.expired"])
    office.lapse(office.hold())
    expire_due_holds(office.parts.engine, None)
    office.relay()

    assert told(office, webhook) == ["booking.expired"]
