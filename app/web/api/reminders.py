"""By what one wants to be reminded."""

from __future__ import annotations

from typing import Literal

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel

from app.accounts import reminder_choice
from app.accounts.reminder_choice import SMS, Choice
from app.audit.journal import Witness
from app.notices.transports import available_channels
from app.web.api.answers import answer
from app.web.api.fields import Line
from app.web.api.inputs import RequestModel
from app.web.callers import required_principal
from app.web.origins import origin
from app.web.parts import parts
from app.web.policy import policy

api = APIBlueprint("reminders", __name__, url_prefix="/api/auth/me/reminders", tag="Accounts")


class ReminderBody(RequestModel):
    channel: Literal["mail", "sms", "push"]
    #: For sms, with its country: +49 170 1234567.
    phone: Line | None = None
    #: For push: what the clinic's push service knows the device by.
    device: Line | None = None

    def choice(self) -> Choice:
        return Choice(self.channel, self.phone if self.channel == SMS else self.device)


class ReminderDocument(BaseModel):
    channel: str
    phone: str | None
    device: str | None
    available: list[str]


@api.get("")
@policy("authenticated")
@api.output(ReminderDocument)
def show_reminders() -> Response:
    """Show by what one is reminded."""
    with parts().database.read() as connection:
        return answer(told(reminder_choice.read(connection, required_principal().user_id)))


@api.put("")
@policy("authenticated")
@api.input(ReminderBody, arg_name="body")
@api.output(ReminderDocument)
def choose_reminders(body: ReminderBody) -> Response:
    """Choose by what one is reminded, from the next reminder on."""
    return answer(told(choose(body.choice())))


def choose(choice: Choice) -> Choice:
    """Raises ValidationFailed."""
    caller = required_principal()
    who = Witness(f"user:{caller.user_id}", origin())
    return reminder_choice.choose(parts().accounts, caller, choice, channels(), who)


def channels() -> list[str]:
    return [channel.value for channel in available_channels(parts().config)]


def told(choice: Choice) -> dict[str, object]:
    return {**choice.document(), "available": channels()}
