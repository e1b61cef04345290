"""By what I am reminded."""

from __future__ import annotations

from flask import make_response, render_template, request, url_for
from werkzeug.wrappers import Response

from app.accounts import reminder_choice
from app.accounts.reminder_choice import MAIL, SMS, Choice
from app.errors import ValidationFailed
from app.languages.texts import N_, _
from app.web.api.reminders import channels, choose
from app.web.callers import required_principal
from app.web.pages.account.cookies import on_to
from app.web.pages.blueprint import pages
from app.web.pages.forms import Wrong
from app.web.parts import parts
from app.web.policy import policy

#: What to do about each field, by what the domain said.
SENTENCES = {
    "phone": N_("Enter the mobile number with its country, such as +49 170 1234567"),
    "device": N_("Enter what your push service calls this device"),
    "channel": N_("Choose one of these"),
}
DONE = {"saved": N_("Saved. It counts from the next reminder on.")}


@pages.get("/account/reminders")
@policy("authenticated")
def reminders() -> Response:
    """The choice."""
    with parts().database.read() as connection:
        kept = reminder_choice.read(connection, required_principal().user_id).document()
    return _page(Wrong({name: text or "" for name, text in kept.items()}))


@pages.post("/account/reminders")
@policy("authenticated")
def choose_reminder() -> Response:
    """Keep the choice."""
    form = request.form
    channel = form.get("channel", MAIL)
    try:
        choose(Choice(channel, form.get("phone" if channel == SMS else "device", "")))
    except ValidationFailed as refusal:
        names = [each["field"] for each in refusal.extras["errors"]]
        return _page(Wrong(form.to_dict(), {name: _(SENTENCES[name]) for name in names}))
    return on_to(url_for("pages.reminders", done="saved"))


def _page(typed: Wrong) -> Response:
    page = render_template(
        "account/reminders.html",
        me=required_principal(),
        values=typed.values,
        wrong=typed.sentences,
        found=typed.summary,
        channels=channels(),
        done=_(DONE.get(request.args.get("done", ""), "")),
    )
    return make_response(page, 422 if typed.sentences else 200)
