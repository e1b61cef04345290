"""Registering, logging in and out; who am I."""

from __future__ import annotations

import uuid

import structlog
from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel

from app.accounts import actions
from app.accounts.actions import Document, NewAccount
from app.accounts.tokens import issue_token
from app.errors import Forbidden
from app.web.api.account_inputs import Credentials, LogoutBody, Registration
from app.web.api.answers import answer
from app.web.api.request_keys import keyed_digest, request_key
from app.web.callers import required_principal
from app.web.origins import account_digest, door
from app.web.parts import parts
from app.web.policy import policy

api = APIBlueprint("auth", __name__, url_prefix="/api/auth", tag="Accounts")
log = structlog.get_logger("accounts")
#: What a registration may call itself; everybody becomes a patient.
PLAIN_ROLES = {None, "user", "patient"}


class UserDocument(BaseModel):
    id: str
    email: str
    name: str
    role: str


class LoginDocument(BaseModel):
    user: UserDocument
    token: str


class LogoutDocument(BaseModel):
    logged_out: bool


@api.post("/register")
@policy("public")
@api.input(Registration, arg_name="body")
@api.output(LoginDocument, status_code=201)
def register(body: Registration) -> Response:
    """Open an account for a patient and log in.

    The token is valid for 15 minutes; GET /api/auth/me gives a fresh one while the login lasts (12 hours)."""
    account = new_patient(body)
    # What is remembered about a request is a digest: one that a thief of the table cannot test guesses on.
    asked = {"email": body.email, "name": body.name, "password": keyed_digest(body.password)}
    done = actions.register(parts().accounts, account, door(), request_key(asked))
    login = _login_document(done.value["user"], uuid.UUID(done.value["session_id"]))
    return answer(login, 201, replayed=done.replayed)


@api.post("/login")
@policy("public")
@api.input(Credentials, arg_name="body")
@api.output(LoginDocument)
def log_in(body: Credentials) -> Response:
    """Log in.

    Repeating it is harmless, so an Idempotency-Key has no effect here."""
    login = actions.log_in(parts().accounts, credentials(body), door())
    return answer(_login_document(login.user, login.opened.id))


@api.post("/logout")
@policy("authenticated")
@api.input(LogoutBody, arg_name="body")
@api.output(LogoutDocument)
def log_out(body: LogoutBody) -> Response:
    """End this login, or every login of the account; the tokens are refused on every node from now on."""
    actions.log_out(parts().accounts, required_principal(), everywhere=body.everywhere)
    return answer({"logged_out": True}, message="You are logged out.")


@api.get("/me")
@policy("authenticated")
@api.output(LoginDocument)
def show_me() -> Response:
    """Who is calling, with a fresh token for the same login."""
    caller = required_principal()
    return answer(_login_document(actions.principal_document(caller), caller.session_id))


def new_patient(body: Registration) -> NewAccount:
    """Raises Forbidden for one who asks to be more than a patient."""
    if body.role not in PLAIN_ROLES:
        log.warning("A registration asked for a role.", asked=body.role)
        raise Forbidden("Registering makes a patient. Other roles are given by an admin.")
    return NewAccount(body.email, body.name, parts().passwords.hash(body.password))


def credentials(body: Credentials) -> actions.Credentials:
    return actions.Credentials(body.email, body.password, account_digest(body.email), body.code)


def _login_document(user: Document, session_id: uuid.UUID) -> Document:
    now = parts().clock.now()
    token = issue_token(parts().config.secret_key, uuid.UUID(user["id"]), session_id, now)
    return {"user": user, "token": token}
