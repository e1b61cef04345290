"""Logging in, with the second factor where there is one, and out."""

from __future__ import annotations

from http import HTTPStatus

from flask import make_response, render_template, request, url_for
from werkzeug.wrappers import Response

from app.accounts import actions
from app.errors import SecondFactorRequired, Unauthenticated
from app.languages.texts import N_
from app.web.api.account_inputs import CodeBody, Credentials
from app.web.api.auth import credentials
from app.web.callers import principal, required_principal, session_token
from app.web.origins import door
from app.web.pages.account.cookies import forget_login, on_to, remember_login, where_next
from app.web.pages.blueprint import pages
from app.web.pages.forms import Wrong, read_form
from app.web.parts import parts
from app.web.policy import policy

NOT_RIGHT = N_("The e-mail address or the password is not right")
CODE_NOT_RIGHT = N_("The code is not right, was used already, or is too old")


@pages.get("/login")
@policy("public")
def log_in() -> Response:
    """Ask for e-mail address and password."""
    if principal() is not None:
        return on_to(where_next())
    return _form(Wrong({}))


@pages.post("/login")
@policy("public")
def log_in_now() -> Response:
    """Log in, or ask for the second factor."""
    read = read_form(Credentials, request.form)
    typed = {"email": request.form.get("email", "")[:254]}
    if isinstance(read, Wrong):
        return _form(Wrong(typed, {"email": NOT_RIGHT}))
    try:
        login = actions.log_in(parts().accounts, credentials(read), door(is_browser=True))
    except Unauthenticated:
        return _form(Wrong(typed, {"email": NOT_RIGHT}))
    goal = where_next()
    if login.opened.awaits_code:
        goal = url_for("pages.show_code", next=goal)
    return remember_login(on_to(goal), login.opened)


@pages.get("/login/code")
@policy("public")
def show_code() -> Response:
    """Ask for the code of the second factor."""
    return _code_form(Wrong({}))


@pages.post("/login/code")
@policy("public")
def show_code_now() -> Response:
    """Finish logging in."""
    token = session_token()
    read = read_form(CodeBody, request.form)
    if isinstance(read, Wrong):
        return _code_form(Wrong({}, {"code": CODE_NOT_RIGHT}))
    try:
        login = actions.show_code(parts().accounts, token or "", read.code, door(is_browser=True))
    except SecondFactorRequired:
        return _code_form(Wrong({}, {"code": CODE_NOT_RIGHT}))
    return remember_login(on_to(where_next()), login.opened)


@pages.post("/logout")
@policy("authenticated")
def log_out() -> Response:
    """End this login, or with the other button every login of the account."""
    everywhere = request.form.get("everywhere") == "yes"
    actions.log_out(parts().accounts, required_principal(), everywhere=everywhere)
    return forget_login(on_to(where_next("pages.choose")))


def _form(wrong: Wrong) -> Response:
    page = render_template(
        "account/login.html",
        values=wrong.values,
        wrong=wrong.sentences,
        found=wrong.summary,
        next=where_next(),
        is_reset=request.args.get("done") == "reset",
    )
    return make_response(page, HTTPStatus.UNPROCESSABLE_ENTITY if wrong.sentences else HTTPStatus.OK)


def _code_form(wrong: Wrong) -> Response:
    page = render_template("account/code.html", wrong=wrong.sentences, found=wrong.summary, next=where_next())
    return make_response(page, HTTPStatus.UNPROCESSABLE_ENTITY if wrong.sentences else HTTPStatus.OK)
