"""What people type into our forms, as typed values or as words about what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, TypeVar

from flask import request
from pydantic import StringConstraints, ValidationError

from app.accounts.passwords import SHORTEST_PASSWORD
from app.booking.actions import PatientDetails, Scope
from app.idempotency import RequestKey
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
    "patient_name": "Enter the full name of the patient",
    "patient_email": "Enter an e-mail address such as name@example.org",
    "patient_phone": "Enter a phone number such as +49 30 1234567, or leave it empty",
    "reason": f"Keep the reason under {LONGEST_REASON} characters",
    "reminder_hours": "Choose when to be reminded",
    "scope": "Choose which of them",
    "every": "Enter a number from 1 to 12",
    "frequency": "Choose days, weeks or months",
    "count": "Enter how many times in all, 2 to 60",
    "until": "Enter a day after the first time",
    "take": "Choose all or what is free",
    "reference": "Enter the six letters and digits of the reference, such as QX7-4RM",
    "patient_id": "Choose somebody from the list again",
    "doctor_id": "Choose a doctor from the list",
    "email": "Enter an e-mail address such as name@example.org",
    "name": "Enter your full name",
    "password": f"Choose a password of {SHORTEST_PASSWORD} characters or more",
    "new_password": f"Choose a password of {SHORTEST_PASSWORD} characters or more",
    "current_password": "Enter the password you have now",
    "role": "Registering makes a patient",
    "code": "Enter the code",
    "title": "Enter the title",
    "minutes": "Enter the length in minutes, 1 to 600",
    "rating": "Enter the rating, such as PG or 12",
    "genre": "Enter the genre",
    "description": "Keep the description under 2000 characters",
    "poster_seed": "Enter a whole number, or leave it empty",
    "hall_name": "Enter the name of the hall",
    "place": "Enter the name of the cinema",
    "timezone": "Enter a time zone such as Europe/Berlin",
    "currency": "Enter a currency as three capital letters, such as EUR",
    "layout": "Draw the hall, as the example shows",
    "movie_id": "Choose a movie",
    "hall_id": "Choose a hall",
    "first_day": "Enter the first day",
    "times": "Enter up to eight times of the day, such as 17:00, 20:15",
    "days": "Choose 1 to 14 days",
}


class PatientForm(RequestModel):
    patient_name: PersonName
    patient_email: Email
    patient_phone: Phone | None = None
    reason: Reason | None = None

    def details(self) -> PatientDetails:
        return PatientDetails(self.patient_name, self.patient_email, self.patient_phone, self.reason)


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
        text["patient_name"] or "", text["patient_email"], text["patient_phone"], text["reason"]
    )


def request_key(asked: Mapping[str, object], variant: str = "") -> RequestKey | None:
    """The key embedded in the form, bound to this browser; asked is what the form asks for.

    A form with several buttons is several requests: variant tells them apart."""
    key = request.form.get(KEY_FIELD, "")
    if not 1 <= len(key) <= LONGEST_KEY or not (key.isascii() and key.isprintable()):
        return None
    scope = keyed_digest(f"browser:{browser_secret()}")
    return RequestKey.of(scope, f"{key}:{variant}", {"path": request.path, **asked})
