"""The login of operators and of the desk, for the monitor alone. The one module that knows how; replaceable.

A signed cookie names a session of the accounts, so logging out ends it on every node and a disabled account
is out at once. It is sent to the monitor's own addresses only, and never with a click on another site."""

from __future__ import annotations

import hmac
import re
import uuid

from flask import g, make_response, redirect, render_template, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response as AnyResponse

from app.accounts import actions
from app.accounts.principals import Principal, Role
from app.errors import Unauthenticated, Unavailable
from app.web.api.auth import Credentials
from app.web.api.request_keys import keyed_digest
from app.web.callers import accept_recent_login, find_login, required_principal
from app.web.pages.blueprint import pages
from app.web.pages.forms import Wrong
from app.web.parts import parts
from app.web.policy import policy

SCOPE = "/monitor"
NEXT = re.compile(r"/monitor(/[a-z]*)?")
LONGEST_COOKIE_SECONDS = 12 * 3600
LONGEST_ADDRESS = 254
#: Notices must be possible during an outage of the database, so a login it vouched for lately counts there.
BOARD = f"{SCOPE}/board"
NOT_RIGHT = "The e-mail address or the password is not right, or the account may give no orders here"


def logged_in() -> Principal | None:
    """None for a mere visitor."""
    found: Principal | None = g.get("principal")
    return found


def operator() -> Principal | None:
    """Who may give orders to the cluster."""
    found = logged_in()
    return found if found and found.has(Role.OPERATOR) else None


def desk() -> Principal | None:
    """Who may tell visitors something."""
    found = logged_in()
    return found if found and found.is_staff else None


def is_login_unknown() -> bool:
    """Somebody shows a login that cannot be checked while the database is away."""
    return bool(g.get("is_login_unknown"))


@pages.before_request
def _recognise() -> None:
    if not request.path.startswith(SCOPE):
        return
    session_id = _read(request.cookies.get(_cookie_name(), ""))
    g.principal = None
    if session_id is None:
        return
    if request.path.startswith(BOARD):
        accept_recent_login()
    try:
        g.principal = find_login(session_id)
    except Unavailable:
        if request.method != "GET":
            raise
        g.is_login_unknown = True


@pages.get("/monitor/login")
@policy("public")
def monitor_login() -> str:
    """Ask for an e-mail address and a password."""
    return _form(Wrong({}))


@pages.post("/monitor/login")
@policy("public")
def monitor_log_in() -> AnyResponse:
    """Log an operator or the desk in."""
    session_id = _session_of_one_who_may_order()
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


def _session_of_one_who_may_order() -> uuid.UUID | None:
    """A new session; None for wrong credentials and for accounts that may not give orders, told alike."""
    try:
        asked = Credentials.model_validate({name: request.form.get(name) for name in ("email", "password")})
        login = actions.log_in(parts().database, parts().passwords, asked.email, asked.password)
    except (ValidationError, Unauthenticated):
        return None
    found = find_login(login.session_id)
    if found is None:
        return None
    if found.has(Role.OPERATOR) or found.is_staff:
        return login.session_id
    actions.log_out(parts().database, found)
    return None


def _form(wrong: Wrong) -> str:
    return render_template(
        "monitor/login.html", values=wrong.values, wrong=wrong.sentences, found=wrong.summary, next=_next()
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
        path=SCOPE,
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
