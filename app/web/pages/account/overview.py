"""My account: who I am, how times are shown to me, and for whom else I book."""

from __future__ import annotations

import uuid

from flask import make_response, render_template, request, url_for
from werkzeug.wrappers import Response

from app.accounts import profile
from app.accounts.principals import Principal
from app.accounts.profile import Profile, read_profile
from app.clinic import rules
from app.errors import Conflict, ValidationFailed
from app.languages.texts import N_, _, ngettext
from app.time_zones import known_time_zones
from app.web.api.account_inputs import NameBody, ProfileForm
from app.web.callers import lacks_second_factor, required_principal
from app.web.pages.account.cookies import on_to
from app.web.pages.blueprint import pages
from app.web.pages.forms import Wrong, read_form
from app.web.parts import parts
from app.web.people import own_dependants
from app.web.policy import policy

DONE = {
    "saved": N_("Your profile is saved."),
    "added": N_("You can book for them now."),
    "removed": N_("They are removed. What is booked for them stays booked."),
}
REMINDERS = (0, 2, 24, 48, 168)
NOBODY = Wrong({})


@pages.get("/account")
@policy("authenticated")
def account() -> Response:
    """Who the visitor is."""
    return _page(required_principal(), NOBODY)


@pages.post("/account/profile")
@policy("authenticated")
def save_profile() -> Response:
    """Keep name, time zone and reminder."""
    caller = required_principal()
    read = read_form(ProfileForm, request.form)
    if isinstance(read, Wrong):
        return _page(caller, read)
    try:
        profile.change_profile(parts().accounts, caller, Profile(**read.model_dump()))
    except ValidationFailed as refusal:
        told = {each["field"]: each["message"] for each in refusal.extras["errors"]}
        return _page(caller, Wrong(request.form.to_dict(), told))
    return on_to(url_for("pages.account", done="saved"))


@pages.post("/account/dependants")
@policy("authenticated")
def add_dependant() -> Response:
    """Add somebody to book for."""
    caller = required_principal()
    typed = {"name": request.form.get("dependant", "")}
    read = read_form(NameBody, typed)
    if isinstance(read, Wrong):
        return _page(caller, NOBODY, _at_the_dependant(typed["name"], read.sentences["name"]))
    try:
        profile.add_dependant(parts().accounts, caller, read.name)
    except Conflict as full:
        return _page(caller, NOBODY, _at_the_dependant(read.name, full.detail))
    return on_to(url_for("pages.account", done="added"))


@pages.post("/account/dependants/<uuid:dependant_id>/remove")
@policy("authenticated")
def remove_dependant(dependant_id: uuid.UUID) -> Response:
    """Take somebody out of the account."""
    profile.remove_dependant(parts().accounts, required_principal(), dependant_id)
    return on_to(url_for("pages.account", done="removed"))


def _at_the_dependant(typed: str, words: str) -> Wrong:
    return Wrong({"dependant": typed}, {"dependant": words})


def _page(caller: Principal, wrong: Wrong, wrong_person: Wrong = NOBODY) -> Response:
    with parts().database.read() as connection:
        kept = read_profile(connection, caller.user_id)
        usual = rules.read(connection).reminder_hours
    known = {
        "name": kept.name,
        "timezone": kept.timezone or "",
        "reminder_hours": "" if kept.reminder_hours is None else str(kept.reminder_hours),
    }
    page = render_template(
        "account/account.html",
        me=caller,
        values={**(wrong.values or known), **wrong_person.values},
        wrong={**wrong.sentences, **wrong_person.sentences},
        found=[*wrong.summary, *wrong_person.summary],
        zones=sorted(known_time_zones()),
        reminders=_reminders(usual, kept.reminder_hours),
        clinic_zone=parts().config.clinic_timezone,
        dependants=own_dependants(),
        done=_(DONE.get(request.args.get("done", ""), "")),
        lacks_second_factor=lacks_second_factor(),
    )
    return make_response(page, 422 if wrong.sentences or wrong_person.sentences else 200)


def _reminders(usual: int, chosen: int | None) -> list[tuple[str, str]]:
    """What a reminder may be, the clinic's way first; an own number from elsewhere is among them."""
    hours = sorted({*REMINDERS, *([chosen] if chosen is not None else [])})
    usually = _("As the clinic does (%(when)s)", when=_before(usual))
    return [("", usually), *((str(each), _before(each)) for each in hours)]


def _before(hours: int) -> str:
    if hours == 0:
        return _("never")
    if hours % 24 == 0:
        return ngettext("%(num)s day before", "%(num)s days before", hours // 24)
    return ngettext("%(num)s hour before", "%(num)s hours before", hours)
