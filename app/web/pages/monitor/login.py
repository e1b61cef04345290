"""The login in the browser, for the monitor, the desk and the administration. The one module that knows how.

A signed cookie names a session of the accounts, so logging out ends it on every node and a disabled account
is out at once. It is never sent with a click on another site."""

from __future__ import annotations

import hmac
import re
import uuid

from flask import g, make_response, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from app.accounts import actions
from app.accounts.principals import Principal, Role, find_principal
from app.errors import Unauthenticated, Unavailable
from app.web.api.auth import Credentials
from app.web.api.request_keys import keyed_digest
from app.web.callers import required_principal
from app.web.pages.blueprint import pages
from app.web.pages.forms import Wrong
from app.web.parts import parts
from app.web.policy import policy

SCOPE = "/monitor"
#: Where a login is asked for, and whose it must be.
DOORS = {"/monitor": Role.OPERATOR, "/desk": Role.STAFF, "/admin": Role.ADMIN, "/my": Role.PATIENT}
NEXT = re.compile(r"/(monitor|desk|admin|my)([/?][a-z0-9/?&=_-]*)?")
LONGEST_COOKIE_SECONDS = 12 * 3600
LONGEST_ADDRESS = 254
NOT_RIGHT = "The e-mail address or the password is not right, or the account may not open this"
OPENINGS = {
    Role.OPERATOR: (
        "Log in to give orders",
        "Everybody may look at the monitor. Orders, such as draining a node, need an operator; "
        "each is kept in the audit with its reason.",
    ),
    Role.STAFF: ("Log in to the front desk", "The day's board, bookings and patients are for the staff."),
    Role.ADMIN: (
        "Log in to the administration",
        "Doctors, hours, users and settings are for administrators.",
    ),
    Role.PATIENT: ("Log in", "Your bookings, in one place."),
}


def operator() -> Principal | None:
    """Who may give orders here; None for a mere visitor."""
    found: Principal | None = g.get("principal")
    return found if found and found.has(Role.OPERATOR) else None


def is_login_unknown() -> bool:
    """Somebody shows a login that cannot be checked while the database is away."""
    return bool(g.get("is_login_unknown"))


@pages.before_request
def _recognise() -> None:
    if request.path.startswith("/assets/"):
        return
    session_id = _read(request.cookies.get(_cookie_name(), ""))
    if is_behind_a_door(request.path):
        g.principal = None
    if session_id is None:
        return
    try:
        with parts().database.read() as connection:
            g.principal = find_principal(connection, session_id)
    except Unavailable:
        if is_behind_a_door(request.path) and (request.method != "GET" or not request.path.startswith(SCOPE)):
            raise
        g.is_login_unknown = True


def is_behind_a_door(path: str) -> bool:
    return _door(path) is not None


def _door(path: str) -> str | None:
    first = "/" + path.split("?")[0].split("/")[1] if path.startswith("/") else path
    return first if first in DOORS else None


def _needed() -> Role:
    return DOORS[_door(_next()) or SCOPE]


@pages.get("/monitor/login")
@policy("public")
def monitor_login() -> str:
    """Ask for an operator's e-mail address and password."""
    return _form(Wrong({}))


@pages.post("/monitor/login")
@policy("public")
def monitor_log_in() -> AnyResponse:
    """Log an operator in."""
    session_id = _session_of(_needed())
    if session_id is None:
        typed = {"email": request.form.get("email", "")[:LONGEST_ADDRESS]}
        return make_response(_form(Wrong(typed, {"email": NOT_RIGHT})), 422)
    response = redirect(_next(), 303)
    _set(response, _sign(session_id), LONGEST_COOKIE_SECONDS)
    return response


@pages.post("/monitor/logout")
@policy("authenticated")
def monitor_log_out() -> AnyResponse:
    """End the login on every node."""
    actions.log_out(parts().database, required_principal())
    response = redirect(_next(), 303)
    _set(response, "", 0)
    return response


def _session_of(role: Role) -> uuid.UUID | None:
    """A new session; None for wrong credentials and for accounts without the role, told alike."""
    try:
        asked = Credentials.model_validate({name: request.form.get(name) for name in ("email", "password")})
        login = actions.log_in(parts().database, parts().passwords, asked.email, asked.password)
    except (ValidationError, Unauthenticated):
        return None
    with parts().database.read() as connection:
        found = find_principal(connection, login.session_id)
    if found is not None and found.has(role):
        return login.session_id
    if found is not None:
        actions.log_out(parts().database, found)
    return None


def _form(wrong: Wrong) -> str:
    heading, lead = OPENINGS[_needed()]
    return render_template(
        "monitor/login.html",
        values=wrong.values,
        wrong=wrong.sentences,
        found=wrong.summary,
        next=_next(),
        heading=heading,
        lead=lead,
        is_monitor=_needed() is Role.OPERATOR,
    )


def _next() -> str:
    wanted = request.values.get("next", "")
    return wanted if NEXT.fullmatch(wanted) else url_for("pages.monitor")


def _cookie_name() -> str:
    return "__Secure-oneslot_operator" if request.is_secure else "oneslot_operator"


def _set(response: AnyResponse, value: str, seconds: int) -> None:
    response.set_cookie(
        _cookie_name(),
        value,
        max_age=seconds,
        path="/",
        httponly=True,
        secure=request.is_secure,
        samesite="Strict",
    )


def _sign(session_id: uuid.UUID) -> str:
    return f"{session_id}.{_signature(str(session_id))}"


def _read(value: str) -> uuid.UUID | None:
    text, _, signature = value.partition(".")
    if not hmac.compare_digest(_signature(text).encode(), signature.encode()):
        return None
    return uuid.UUID(text)


def _signature(text: str) -> str:
    return keyed_digest(f"operator session\n{text}")
