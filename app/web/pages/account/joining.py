"""Opening an account."""

from __future__ import annotations

import uuid

from flask import make_response, render_template, request
from werkzeug.wrappers import Response

from app.accounts import actions
from app.errors import Conflict
from app.languages.texts import N_
from app.web.api.account_inputs import Registration
from app.web.api.auth import new_patient
from app.web.origins import door
from app.web.pages.account.cookies import on_to, remember_login, where_next
from app.web.pages.blueprint import pages
from app.web.pages.forms import Wrong, read_form
from app.web.parts import parts
from app.web.policy import policy

IN_USE = N_("There is an account with this address. Log in, or choose a new password")


@pages.get("/register")
@policy("public")
def join() -> Response:
    """Ask who wants an account."""
    return _form(Wrong({}))


@pages.post("/register")
@policy("public")
def join_now() -> Response:
    """Open the account and log in."""
    read = read_form(Registration, request.form)
    if isinstance(read, Wrong):
        return _form(read)
    try:
        done = actions.register(parts().accounts, new_patient(read), door(is_browser=True), None)
    except Conflict:
        return _form(Wrong({"email": read.email, "name": read.name}, {"email": IN_USE}))
    user_id = uuid.UUID(done.value["user"]["id"])
    opened = actions.open_browser_session(parts().accounts, user_id, door(is_browser=True))
    return remember_login(on_to(where_next()), opened)


def _form(wrong: Wrong) -> Response:
    shown = {name: text for name, text in wrong.values.items() if name != "password"}
    page = render_template(
        "account/register.html", values=shown, wrong=wrong.sentences, found=wrong.summary, next=where_next()
    )
    return make_response(page, 422 if wrong.sentences else 200)
