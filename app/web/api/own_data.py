"""What is kept about oneself, and being forgotten."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel

from app.accounts.own import require_password
from app.web import own_data
from app.web.api.account_inputs import OwnPasswordBody
from app.web.api.answers import answer
from app.web.callers import required_principal
from app.web.parts import parts
from app.web.policy import policy

api = APIBlueprint("own_data", __name__, url_prefix="/api/auth/me", tag="Accounts")


class ExportDocument(BaseModel):
    account: dict[str, Any]
    dependants: list[dict[str, Any]]
    logins: list[dict[str, Any]]
    bookings: list[dict[str, Any]]
    audit: list[dict[str, Any]]


class ErasedDocument(BaseModel):
    erased: bool


@api.get("/export")
@policy("authenticated")
@api.output(ExportDocument)
def export() -> Response:
    """Get everything that is kept about oneself."""
    return answer(own_data.export_of(required_principal()))


@api.post("/erase")
@policy("authenticated")
@api.input(OwnPasswordBody, arg_name="body")
@api.output(ErasedDocument)
def erase(body: OwnPasswordBody) -> Response:
    """Be forgotten: coming bookings are cancelled, name and addresses are gone, the account is closed."""
    caller = required_principal()
    require_password(parts().accounts, caller, body.password)
    own_data.erase(caller)
    return answer({"erased": True}, message="You are forgotten. Nobody can log in with this account again.")
