"""My account: who I am. What I booked is in "My bookings"."""

from __future__ import annotations

from flask import make_response, render_template, request, url_for
from werkzeug.wrappers import Response

from app.accounts import own
from app.accounts.principals import Principal
from app.languages.texts import N_
from app.web.api.account_inputs import ProfileBody
from app.web.callers import lacks_second_factor, required_principal
from app.web.pages.account.cookies import on_to
from app.web.pages.blueprint import pages
from app.web.pages.forms import Wrong, read_form
from app.web.parts import parts
from app.web.policy import policy

DONE = {"name": N_("Your name is changed.")}


@pages.get("/account")
@policy("authenticated")
def account() -> Response:
    """Who the visitor is."""
    return _page(required_principal(), Wrong({}))


@pages.post("/account/name")
@policy("authenticated")
def rename() -> Response:
    """Change the name."""
    caller = required_principal()
    read = read_form(ProfileBody, request.form)
    if isinstance(read, Wrong):
        return _page(caller, read)
    own.rename(parts().accounts, caller, read.name)
    return on_to(url_for("pages.account", done="name"))


def _page(caller: Principal, wrong: Wrong) -> Response:
    page = render_template(
        "account/account.html",
        me=caller,
        values=wrong.values or {"name": caller.name},
        wrong=wrong.sentences,
        found=wrong.summary,
        done=DONE.get(request.args.get("done", "")),
        lacks_second_factor=lacks_second_factor(),
    )
    return make_response(page, 422 if wrong.sentences else 200)
