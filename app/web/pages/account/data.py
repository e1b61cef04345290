"""One's own data: take it along, or be forgotten."""

from __future__ import annotations

from flask import make_response, render_template, request
from werkzeug.wrappers import Response

from app.accounts.own import require_password
from app.errors import ValidationFailed
from app.web import own_data
from app.web.api.account_inputs import OwnPasswordBody
from app.web.callers import forget_caller, required_principal
from app.web.json import json_response
from app.web.pages.account.cookies import forget_login
from app.web.pages.account.security import NOT_YOURS
from app.web.pages.blueprint import pages
from app.web.pages.forms import Wrong, read_form
from app.web.parts import parts
from app.web.policy import policy


@pages.get("/account/data")
@policy("authenticated")
def data() -> Response:
    """What can be done with one's data."""
    return _page(Wrong({}))


@pages.post("/account/data/export")
@policy("authenticated")
def take_data() -> Response:
    """Everything that is kept, as a file."""
    response = json_response(own_data.export_of(required_principal()))
    response.headers["Content-Disposition"] = 'attachment; filename="my-oneslot-data.json"'
    return response


@pages.post("/account/data/erase")
@policy("authenticated")
def erase_data() -> Response:
    """Be forgotten."""
    caller = required_principal()
    read = read_form(OwnPasswordBody, request.form)
    try:
        if isinstance(read, Wrong):
            raise ValidationFailed.of("password", NOT_YOURS)
        require_password(parts().accounts, caller, read.password)
    except ValidationFailed:
        return _page(Wrong({}, {"password": NOT_YOURS}))
    own_data.erase(caller)
    forget_caller()
    return forget_login(make_response(render_template("account/forgotten.html", is_over=True)))


def _page(wrong: Wrong) -> Response:
    page = render_template(
        "account/data.html", me=required_principal(), wrong=wrong.sentences, found=wrong.summary
    )
    return make_response(page, 422 if wrong.sentences else 200)
