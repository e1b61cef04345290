"""What may be sent about accounts, for the API and for forms alike."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictBool, StrictInt, StringConstraints

from app.accounts.passwords import LONGEST_PASSWORD, SHORTEST_PASSWORD
from app.web.api.fields import Email, Line, PersonName
from app.web.api.inputs import RequestModel

NewPassword = Annotated[
    str, StringConstraints(strict=True, min_length=SHORTEST_PASSWORD, max_length=LONGEST_PASSWORD)
]
AnyPassword = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=LONGEST_PASSWORD)]
Code = Annotated[str, StringConstraints(strict=True, min_length=6, max_length=40)]
Token = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=64)]


class Registration(RequestModel):
    email: Email
    name: PersonName
    password: NewPassword
    role: Line | None = None


class Credentials(RequestModel):
    email: Email
    password: AnyPassword
    code: Code | None = Field(None, description="of the second factor, when the account has one")


class LogoutBody(RequestModel):
    everywhere: StrictBool = False


class NameBody(RequestModel):
    name: PersonName


class ProfileBody(RequestModel):
    """All of it: what is left out is as the clinic does."""

    name: PersonName
    timezone: Line | None = Field(None, description="an IANA zone, such as Europe/Berlin")
    reminder_hours: StrictInt | None = Field(None, description="0 is never")


class ProfileForm(RequestModel):
    name: PersonName
    timezone: Line | None = None
    reminder_hours: int | None = None


class PasswordBody(RequestModel):
    current_password: AnyPassword
    new_password: NewPassword


class ForgottenBody(RequestModel):
    email: Email


class ResetBody(RequestModel):
    token: Token
    new_password: NewPassword


class CodeBody(RequestModel):
    code: Code


class OwnPasswordBody(RequestModel):
    """A login alone is not enough for this."""

    password: AnyPassword
