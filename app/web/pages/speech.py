"""How the screens of a booking speak of it: an appointment with a doctor, or seats at a showtime.

The screens and actions are the same; only their words differ, and all of them are here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from app.languages.texts import N_, _, language


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
    before_you_come_to: str
    #: Cancelling.
    cancel_question: str
    cancel_words: str
    cancel_hint: str
    cancel: str
    #: A hold that ended.
    lapsed_words: str


def _of_a_visit() -> Speech:
    return Speech(
        is_show=False,
        steps=(_("Choose a doctor"), _("Pick a time"), _("Your details"), _("Check and confirm")),
        slip=_("Your appointment"),
        held=_("This time is"),
        who=_("Who is the appointment for?"),
        phone_hint=_("Only used if the practice has to reach you about this appointment."),
        asks_reason=True,
        give_back=_("Give this time back and choose another"),
        held_again=_("The time was still free and is held for you again: please confirm it now."),
        name_label=_("Patient"),
        confirm=_("Confirm the appointment"),
        later=_("You can move or cancel it later with the link we send you."),
        booked=_("Appointment booked"),
        yours=_("Your appointment"),
        moved=_("Appointment moved"),
        moved_words=_("The old time went back to others."),
        cancelled=_("This appointment is cancelled"),
        cancelled_words=_("The time went back to others."),
        passed=_("This appointment has passed"),
        move=_("Move it"),
        before_you_come=_("Please come ten minutes early and bring your insurance card."),
        before_you_come_to=N_("Please come ten minutes early to %(place)s and bring your insurance card."),
        cancel_question=_("Cancel this appointment?"),
        cancel_words=_("The time goes back to others at once. You cannot undo this, but you can book again."),
        cancel_hint=_("Only the practice sees this."),
        cancel=_("Cancel the appointment"),
        lapsed_words=_(
            "The time went back to others. If nobody took it meanwhile, one press holds it for you again."
        ),
    )


def _of_a_show() -> Speech:
    return Speech(
        is_show=True,
        steps=(_("Choose a movie"), _("Pick your seats"), _("Your details"), _("Check and book")),
        slip=_("Your seats"),
        held=_("These seats are"),
        who=_("Who are the seats for?"),
        phone_hint=_("Only used if the cinema has to reach you about this showing."),
        asks_reason=False,
        give_back=_("Give these seats back"),
        held_again=_("The seats were still free and are held for you again: please book them now."),
        name_label=_("Name"),
        confirm=_("Book the seats"),
        later=_("You can change the seats or cancel later with the link we send you."),
        booked=_("Seats booked"),
        yours=_("Your ticket"),
        moved=_("Seats changed"),
        moved_words=_("The old seats went back to others."),
        cancelled=_("These seats are cancelled"),
        cancelled_words=_("The seats went back to others."),
        passed=_("This showing has begun"),
        move=_("Change seats"),
        before_you_come=_(
            "Show the code or the reference at the door. Doors open 20 minutes before the start."
        ),
        before_you_come_to=N_(
            "Show the code or the reference at the door of %(place)s. Doors open 20 minutes before the start."
        ),
        cancel_question=_("Cancel these seats?"),
        cancel_words=_("The seats go back to others at once. You cannot undo this, but you can book again."),
        cancel_hint=_("Only the cinema sees this."),
        cancel=_("Cancel the seats"),
        lapsed_words=_(
            "The seats went back to others. "
            "If nobody took them meanwhile, one press holds them for you again."
        ),
    )


def speech_of(booking: Mapping[str, Any]) -> Speech:
    """In the language that is meant now."""
    return _speech(bool(booking["showtime_id"]), language())


@cache
def _speech(is_show: bool, of: str) -> Speech:
    return _of_a_show() if is_show else _of_a_visit()
