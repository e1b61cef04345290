"""My booking: reference and e-mail open a booking again; one alone opens nothing."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from app.booking import manage_token
from app.booking.lookup import find_by_reference
from app.web.pages.blueprint import pages
from app.web.pages.forms import FindForm, Wrong, read_form
from app.web.pages.hold import SEE_OTHER
from app.web.parts import parts
from app.web.policy import policy

NOT_FOUND, UNPROCESSABLE = 404, 422


@pages.get("/find")
@policy("public")
def find_booking() -> str:
    """Ask for reference and e-mail."""
    return _form(Wrong({}))


@pages.post("/find")
@policy("public")
def open_booking() -> Response | tuple[str, int]:
    """Open the booking when both match; else say only that both together match nothing."""
    read = read_form(FindForm, request.form)
    if isinstance(read, Wrong):
        return _form(read), UNPROCESSABLE
    with parts().database.read() as connection:
        booking_id = find_by_reference(connection, read.reference, read.email)
    if booking_id is None:
        return _form(Wrong({"reference": read.reference, "email": read.email}), is_unknown=True), NOT_FOUND
    token = manage_token.issue(parts().config.secret_key, booking_id)
    return redirect(url_for("pages.manage", token=token), SEE_OTHER)


def _form(typed: Wrong, is_unknown: bool = False) -> str:
    return render_template(
        "find.html",
        values=typed.values,
        wrong=typed.sentences,
        found=typed.summary,
        is_unknown=is_unknown,
    )
