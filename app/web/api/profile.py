"""What one chooses for oneself, and for whom else one books."""

from __future__ import annotations

import uuid
from dataclasses import asdict

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel

from app.accounts import profile
from app.web.api.account_inputs import NameBody, ProfileBody
from app.web.api.answers import answer
from app.web.callers import required_principal
from app.web.parts import parts
from app.web.people import own_dependants
from app.web.policy import policy

api = APIBlueprint("profile", __name__, url_prefix="/api/auth/me", tag="Accounts")


class ProfileDocument(BaseModel):
    name: str
    timezone: str | None
    reminder_hours: int | None


class PersonDocument(BaseModel):
    id: str
    name: str


class RemovedDocument(BaseModel):
    removed: bool


@api.get("/profile")
@policy("authenticated")
@api.output(ProfileDocument)
def show_profile() -> Response:
    """One's name, time zone and reminder."""
    with parts().database.read() as connection:
        return answer(asdict(profile.read_profile(connection, required_principal().user_id)))


@api.put("/profile")
@policy("authenticated")
@api.input(ProfileBody, arg_name="body")
@api.output(ProfileDocument)
def put_profile(body: ProfileBody) -> Response:
    """Choose them; reminders of what is booked already follow too."""
    chosen = profile.Profile(**body.model_dump())
    profile.change_profile(parts().accounts, required_principal(), chosen)
    return answer(asdict(chosen))


@api.get("/dependants")
@policy("authenticated")
@api.output(list[PersonDocument])  # type: ignore[arg-type]  # APIFlask takes it
def list_dependants() -> Response:
    """For whom one books besides oneself."""
    return answer([person.document() for person in own_dependants()])


@api.post("/dependants")
@policy("authenticated")
@api.input(NameBody, arg_name="body")
@api.output(PersonDocument, status_code=201)
def add_dependant(body: NameBody) -> Response:
    """Add somebody; name them as dependant_id when booking."""
    person = profile.add_dependant(parts().accounts, required_principal(), body.name)
    return answer(person.document(), 201)


@api.delete("/dependants/<uuid:dependant_id>")
@policy("authenticated")
@api.output(RemovedDocument)
def remove_dependant(dependant_id: uuid.UUID) -> Response:
    """Take somebody out; what was booked for them stays booked."""
    profile.remove_dependant(parts().accounts, required_principal(), dependant_id)
    return answer({"removed": True})
