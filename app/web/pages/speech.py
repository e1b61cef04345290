"""How the screens of a booking speak of it: an appointment with a doctor, or seats at a showtime.

The screens and actions are the same; only their words differ, and all of them are here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Speech:
    is_show: bool
    steps: tuple[str, str, str, str]
    slip: str
    held: str
    #: Details under hold.
    who: str
    phone_hint: str
    asks_reason: bool
    give_back: str
    #: Check and confirm.
    held_again: str
    name_label: str
    confirm: str
    later: str
    #: The booking's page.
    booked: str
    yours: str
    moved: str
    moved_words: str
    cancelled: str
    cancelled_words: str
    passed: str
    move: str
    before_you_come: str
    #: Cancelling.
    cancel_question: str
    cancel_words: str
    cancel_hint: str
    cancel: str
    #: A hold that ended.
    lapsed_words: str


VISIT = Speech(
    is_show=False,
    steps=("Choose a doctor", "Pick a time", "Your details", "Check and confirm"),
    slip="Your appointment",
    held="This time is",
    who="Who is the appointment for?",
    phone_hint="Only used if the practice has to reach you about this appointment.",
    asks_reason=True,
    give_back="Give this time back and choose another",
    held_again="The time was still free and is held for you again: please confirm it now.",
    name_label="Patient",
    confirm="Confirm the appointment",
    later="You can move or cancel it later with the link we send you.",
    booked="Appointment booked",
    yours="Your appointment",
    moved="Appointment moved",
    moved_words="The old time went back to others.",
    cancelled="This appointment is cancelled",
    cancelled_words="The time went back to others.",
    passed="This appointment has passed",
    move="Move it",
    before_you_come="Please come ten minutes early{place} and bring your insurance card.",
    cancel_question="Cancel this appointment?",
    cancel_words="The time goes back to others at once. You cannot undo this, but you can book again.",
    cancel_hint="Only the practice sees this.",
    cancel="Cancel the appointment",
    lapsed_words="The time went back to others. "
    "If nobody took it meanwhile, one press holds it for you again.",
)
SHOW = Speech(
    is_show=True,
    steps=("Choose a movie", "Pick your seats", "Your details", "Check and book"),
    slip="Your seats",
    held="These seats are",
    who="Who are the seats for?",
    phone_hint="Only used if the cinema has to reach you about this showing.",
    asks_reason=False,
    give_back="Give these seats back",
    held_again="The seats were still free and are held for you again: please book them now.",
    name_label="Name",
    confirm="Book the seats",
    later="You can change the seats or cancel later with the link we send you.",
    booked="Seats booked",
    yours="Your ticket",
    moved="Seats changed",
    moved_words="The old seats went back to others.",
    cancelled="These seats are cancelled",
    cancelled_words="The seats went back to others.",
    passed="This showing has begun",
    move="Change seats",
    before_you_come="Show the code or the reference at the door{place}. "
    "Doors open 20 minutes before the start.",
    cancel_question="Cancel these seats?",
    cancel_words="The seats go back to others at once. You cannot undo this, but you can book again.",
    cancel_hint="Only the cinema sees this.",
    cancel="Cancel the seats",
    lapsed_words="The seats went back to others. "
    "If nobody took them meanwhile, one press holds them for you again.",
)


def speech_of(booking: Mapping[str, Any]) -> Speech:
    return SHOW if booking["showtime_id"] else VISIT
