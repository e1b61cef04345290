"""What a calendar makes of all mails of a booking, whoever changed it: one entry that follows every change.

RFC 5546: REQUEST and CANCEL of one UID, a SEQUENCE that only grows, an ORGANIZER that stays."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

from icalendar import Calendar, Event
from sqlalchemy import select

from app.booking.actions import (
    GUEST,
    Actor,
    ClosureDraft,
    Overbooking,
    WaitWish,
    cancel_booking,
    close_time,
    confirm_booking,
    join_waitlist,
    overbook,
    reschedule_booking,
)
from app.booking.intervals import Interval
from app.booking.rebooking import Order, Wish, rebook
from app.tables import Booking
from tests.booking.conftest import ANNA, Desk, a_doctor, desk, make_desk, owner_of
from tests.notices.test_mails_of_a_booking import deliver

__all__ = ["deliver", "desk", "make_desk"]
DESK = Actor("user:desk", is_staff=True, may_overbook=True)
Deliver = Callable[[], list[EmailMessage]]


class Diary:
    """A calendar program: keeps the newest version of each entry, as RFC 5546 section 2.1.5 says."""

    def __init__(self, mails: list[EmailMessage]) -> None:
        self.entries: dict[str, Event] = {}
        self.methods: dict[str, list[str]] = {}
        for mail in mails:
            for part in mail.walk():
                if part.get_content_type() == "text/calendar":
                    self._take(Calendar.from_ical(part.get_content()), part.get_param("method"))

    def _take(self, calendar: Calendar, announced: object) -> None:
        method = str(calendar["METHOD"])
        assert method == announced, "RFC 6047 2.4: the part's parameter says the same"
        (event,) = calendar.walk("VEVENT")
        uid = str(event["UID"])
        known = self.entries.get(uid)
        assert known is None or event["SEQUENCE"] > known["SEQUENCE"], "a calendar would ignore it"
        assert known is None or event["ORGANIZER"] == known["ORGANIZER"]
        assert str(event["ATTENDEE"]).startswith("mailto:")
        assert event["STATUS"] == ("CANCELLED" if method == "CANCEL" else "CONFIRMED")
        self.entries[uid] = event
        self.methods.setdefault(uid, []).append(method)

    def of(self, booking: Any) -> tuple[Event, list[str]]:
        uid = f"{booking['id'] if isinstance(booking, dict) else booking}@oneslot"
        return self.entries[uid], self.methods[uid]


def close_around(desk: Desk, slot_id: int) -> None:
    row = desk.slot(slot_id)
    close_time(desk.engine, ClosureDraft(Interval(desk.doctor_id, row.starts_at, row.ends_at), "Ill"), DESK)


def test_a_closure_moves_the_entry_to_the_colleague_and_cancels_the_others(
    desk: Desk, deliver: Deliver
) -> None:
    moved_from, ended = desk.add_slot(24), desk.add_slot(30)
    moved, cancelled = desk.book(moved_from), desk.book(ended)
    to = desk.add_slot(48, doctor_id=a_doctor(desk.database))
    close_around(desk, moved_from)
    close_around(desk, ended)

    rebook(
        desk.engine,
        [Order(uuid.UUID(moved["id"]), Wish.MOVE, to), Order(uuid.UUID(cancelled["id"]), Wish.CANCEL)],
        "The doctor is ill.",
        DESK,
        None,
    )

    diary = Diary(deliver())
    event, methods = diary.of(moved)
    assert (methods, event["SEQUENCE"]) == (["REQUEST", "REQUEST"], 1)
    assert event.decoded("DTSTART") == desk.slot(to).starts_at
    event, methods = diary.of(cancelled)
    assert (methods, event["SEQUENCE"], event["STATUS"]) == (["REQUEST", "CANCEL"], 1, "CANCELLED")
    assert event.decoded("DTSTART") == desk.slot(ended).starts_at


def test_moved_three_times_and_cancelled_by_the_desk_is_one_entry(desk: Desk, deliver: Deliver) -> None:
    booking = desk.book(desk.add_slot(24))
    deliver()
    for hours in (30, 36, 42):
        reschedule_booking(desk.engine, uuid.UUID(booking["id"]), desk.add_slot(hours), owner_of(booking))
        deliver()
    cancel_booking(desk.engine, uuid.UUID(booking["id"]), DESK)

    diary = Diary(deliver())
    event, methods = diary.of(booking)
    assert methods == ["REQUEST"] * 4 + ["CANCEL"]
    assert event["SEQUENCE"] == 4
    assert len(diary.entries) == 1


def test_an_offer_of_the_waitlist_is_in_no_calendar_until_it_is_accepted(
    desk: Desk, deliver: Deliver
) -> None:
    slot = desk.add_slot(24)
    first = desk.book(slot)
    row = desk.slot(slot)
    join_waitlist(
        desk.engine, WaitWish(desk.doctor_id, row.starts_at - timedelta(hours=1), row.ends_at, ANNA), GUEST
    )
    cancel_booking(desk.engine, uuid.UUID(first["id"]), DESK)
    with desk.database.read() as connection:
        offered = connection.execute(select(Booking.id).where(Booking.status == "PENDING")).scalar_one()
    while_offered = Diary(deliver())
    confirm_booking(desk.engine, offered, Actor("guest", token_for=offered))

    diary = Diary(deliver())
    assert f"{offered}@oneslot" not in while_offered.entries
    assert diary.of(first)[1] == ["REQUEST", "CANCEL"]
    event, methods = diary.of(offered)
    assert (methods, event["SEQUENCE"], event["STATUS"]) == (["REQUEST"], 0, "CONFIRMED")


def test_two_who_share_a_time_by_overbooking_have_an_entry_each(desk: Desk, deliver: Deliver) -> None:
    slot = desk.add_slot(24)
    first, row = desk.book(slot), desk.slot(slot)
    interval = Interval(desk.doctor_id, row.starts_at, row.ends_at)
    second = overbook(desk.engine, Overbooking(interval, "in pain"), ANNA, DESK).value

    diary = Diary(deliver())

    starts = {diary.of(each)[0].decoded("DTSTART") for each in (first, second)}
    assert len(diary.entries) == 2
    assert starts == {row.starts_at}
