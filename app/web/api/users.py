"""Accounts as an admin sees them, and what each may do."""

from __future__ import annotations

import uuid
from typing import Annotated

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field, StrictBool, StrictInt

from app.accounts.people import AccountChange, change_person, list_people, read_person
from app.accounts.principals import Role
from app.audit.journal import Witness
from app.tables.accounts import LARGEST_LIMIT_FACTOR
from app.web.api.answers import answer, answer_page
from app.web.api.fields import Line, ResourceId
from app.web.api.inputs import PageQuery, RequestModel
from app.web.callers import required_principal
from app.web.origins import origin
from app.web.parts import parts
from app.web.policy import policy

api = APIBlueprint("users", __name__, url_prefix="/api/users", tag="Accounts")


class PeopleQuery(PageQuery):
    q: Line | None = None


class PersonBody(RequestModel):
    """What is to be different; a field left out stays as it is."""

    role: Role | None = None
    is_disabled: StrictBool | None = None
    all_doctors: StrictBool | None = None
    doctor_ids: Annotated[list[ResourceId], Field(max_length=200)] | None = None
    limit_factor: Annotated[StrictInt, Field(ge=1, le=LARGEST_LIMIT_FACTOR)] | None = None

    def change(self) -> AccountChange:
        doctors = None if self.doctor_ids is None else tuple(self.doctor_ids)
        return AccountChange(self.role, self.is_disabled, self.all_doctors, doctors, self.limit_factor)


class PersonDocument(BaseModel):
    id: str
    email: str
    name: str
    role: str
    is_disabled: bool
    all_doctors: bool
    doctor_ids: list[str]
    limit_factor: int
    has_second_factor: bool
    created_at: str


@api.get("")
@policy("admin")
@api.input(PeopleQuery, location="query", arg_name="query")
@api.output(list[PersonDocument])  # type: ignore[arg-type]  # APIFlask takes it
def list_users(query: PeopleQuery) -> Response:
    """List accounts by name; q is looked for in the name, or is a whole e-mail address."""
    after = query.after(str, uuid.UUID)
    with parts().database.read() as connection:
        found = list_people(connection, query.q, after and (after[0], after[1]), query.limit + 1)
    return answer_page(found, query.limit, lambda person: (person["name"], person["id"]))


@api.get("/<uuid:user_id>")
@policy("admin")
@api.output(PersonDocument)
def show_user(user_id: uuid.UUID) -> Response:
    """Show an account."""
    with parts().database.read() as connection:
        return answer(read_person(connection, user_id))


@api.patch("/<uuid:user_id>")
@policy("admin")
@api.input(PersonBody, arg_name="body")
@api.output(PersonDocument)
def change_user(user_id: uuid.UUID, body: PersonBody) -> Response:
    """Change what an account may do; disabling it ends its logins."""
    caller = required_principal()
    who = Witness(f"user:{caller.user_id}", origin())
    return answer(change_person(parts().accounts, caller, user_id, body.change(), who))
