"""What people type into our forms, as typed values or as words about what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, TypeVar

from flask import request
from pydantic import StringConstraints, ValidationError

from app.booking.actions import PatientDetails, Scope
from app.idempotency import RequestKey
from app.languages.texts import N_, language
from app.web.api.fields import Email, Line, Paragraph, PersonName, Phone
from app.web.api.inputs import RequestModel
from app.web.api.request_keys import keyed_digest
from app.web.pages.forgery import browser_secret

KEY_FIELD = "request_key"
LONGEST_KEY = 100
LONGEST_REASON = 500
Reason = Annotated[Paragraph, StringConstraints(max_length=LONGEST_REASON)]
#: One sentence per field: what to do, not what rule was broken.
WORDS = {
    "patient_name": N_("Enter the full name of the patient"),
    "patient_email": N_("Enter an e-mail address such as name@example.org"),
    "patient_phone": N_("Enter a phone number such as +49 30 1234567, or leave it empty"),
    "reason": N_("Keep the reason under 500 characters"),
    "reminder_hours": N_("Choose when to be reminded"),
    "scope": N_("Choose which of them"),
    "every": N_("Enter a number from 1 to 12"),
    "frequency": N_("Choose days, weeks or months"),
    "count": N_("Enter how many times in all, 2 to 60"),
    "until": N_("Enter a day after the first time"),
    "take": N_("Choose all or what is free"),
    "reference": N_("Enter the six letters and digits of the reference, such as QX7-4RM"),
    "patient_id": N_("Choose somebody from the list again"),
    "doctor_id": N_("Choose a doctor from the list"),
    "email": N_("Enter an e-mail address such as name@example.org"),
    "name": N_("Enter your full name"),
    "password": N_("Choose a password of 10 characters or more"),
    "new_password": N_("Choose a password of 10 characters or more"),
    "current_password": N_("Enter the password you have now"),
    "role": N_("Registering makes a patient"),
    "code": N_("Enter the code"),
    "title": N_("Enter the title"),
    "minutes": N_("Enter the length in minutes, 1 to 600"),
    "rating": N_("Enter the rating, such as PG or 12"),
    "genre": N_("Enter the genre"),
    "description": N_("Keep the description under 2000 characters"),
    "poster_seed": N_("Enter a whole number, or leave it empty"),
    "hall_name": N_("Enter the name of the hall"),
    "place": N_("Enter the name of the cinema"),
    "timezone": N_("Enter a time zone such as Europe/Berlin"),
    "currency": N_("Enter a currency as three capital letters, such as EUR"),
    "layout": N_("Draw the hall, as the example shows"),
    "movie_id": N_("Choose a movie"),
    "hall_id": N_("Choose a hall"),
    "first_day": N_("Enter the first day"),
    "times": N_("Enter up to eight times of the day, such as 17:00, 20:15"),
    "days": N_("Choose 1 to 14 days"),
}


class PatientForm(RequestModel):
    patient_name: PersonName
    patient_email: Email
    patient_phone: Phone | None = None
    reason: Reason | None = None

    def details(self) -> PatientDetails:
        return PatientDetails(
            self.patient_name, self.patient_email, self.patient_phone, self.reason, language=language()
        )


class CancelForm(RequestModel):
    reason: Reason | None = None
    #: Of a repeated appointment: how much of it.
    scope: Scope = Scope.ONE


class FindForm(RequestModel):
    reference: Line
    email: Email


Form = TypeVar("Form", bound=RequestModel)


@dataclass(frozen=True)
class Wrong:
    """A form that cannot be accepted: what was typed, and one sentence per field."""

    values: Mapping[str, str]
    sentences: Mapping[str, str] = field(default_factory=dict)

    @property
    def summary(self) -> list[dict[str, str]]:
        return [{"field": name, "message": words} for name, words in self.sentences.items()]


def read_form(
    model: type[Form], values: Mapping[str, str | None], words: Mapping[str, str] = WORDS
) -> Form | Wrong:
    """The values as the model, or what is wrong with them. An empty field counts as left out."""
    typed = {name: (values.get(name) or "").strip() for name in model.model_fields}
    try:
        return model.model_validate({name: text for name, text in typed.items() if text})
    except ValidationError as error:
        wrong = {str(complaint["loc"][0]) for complaint in error.errors() if complaint["loc"]}
        return Wrong(typed, {name: words[name] for name in typed if name in wrong})


def usable_details(values: Mapping[str, str | None]) -> PatientDetails | None:
    """As much of what was typed as is right, to be kept; None when nothing is."""
    kept = {name: values.get(name) for name in PatientForm.model_fields}
    read = read_form(PatientForm, kept)
    if isinstance(read, Wrong):
        kept = {name: None if name in read.sentences else text for name, text in kept.items()}
    if not any(kept.values()):
        return None
    text = {name: (value or "").strip() or None for name, value in kept.items()}
    return PatientDetails(
        text["patient_name"] or "",
        text["patient_email"],
        text["patient_phone"],
        text["reason"],
        language=language(),
    )


def request_key(asked: Mapping[str, object], variant: str = "") -> RequestKey | None:
    """The key embedded in the form, bound to this browser; asked is what the form asks for.

    A form with several buttons is several requests: variant tells them apart."""
    key = request.form.get(KEY_FIELD, "")
    if not 1 <= len(key) <= LONGEST_KEY or not (key.isascii() and key.isprintable()):
        return None
    scope = keyed_digest(f"browser:{browser_secret()}")
    return RequestKey.of(scope, f"{key}:{variant}", {"path": request.path, **asked})
