"""Who may do what: the admin's page of accounts."""

from __future__ import annotations

import uuid

from flask import make_response, render_template, request, url_for
from werkzeug.wrappers import Response

from app.accounts.people import AccountChange, change_person, list_people
from app.accounts.principals import Role
from app.audit.journal import Witness
from app.errors import ValidationFailed
from app.languages.texts import N_
from app.web.callers import required_principal
from app.web.origins import origin
from app.web.pages.account.cookies import on_to
from app.web.pages.admin.frame import tabs
from app.web.pages.blueprint import pages
from app.web.pages.hold import slot_id_in
from app.web.parts import parts
from app.web.policy import policy

MOST_SHOWN = 50
LONGEST_QUERY = 100


@pages.get("/people")
@policy("admin")
def people() -> Response:
    """Accounts, found by name or whole address."""
    query = request.args.get("q", "").strip()[:LONGEST_QUERY]
    with parts().database.read() as connection:
        found = list_people(connection, query or None, None, MOST_SHOWN + 1)
    return make_response(
        render_template(
            "account/people.html",
            tabs=tabs("people"),
            people=found[:MOST_SHOWN],
            has_more=len(found) > MOST_SHOWN,
            query=query,
            roles=[role.value for role in Role],
            me=required_principal(),
            changed=request.args.get("changed", ""),
        )
    )


@pages.post("/people/<uuid:user_id>")
@policy("admin")
def people_change(user_id: uuid.UUID) -> Response:
    """Change what somebody may do."""
    caller = required_principal()
    who = Witness(f"user:{caller.user_id}", origin())
    change_person(parts().accounts, caller, user_id, _asked(), who)
    return on_to(url_for("pages.people", q=request.form.get("q") or None, changed=str(user_id)))


def _asked() -> AccountChange:
    form = request.form
    role = form.get("role", "")
    if role not in set(Role):
        raise ValidationFailed.of("role", N_("choose a role"))
    wanted = form.get("doctor_ids", "").replace(",", " ").split()
    return AccountChange(
        role=Role(role),
        is_disabled=form.get("is_disabled") == "yes",
        all_doctors=form.get("all_doctors") == "yes",
        doctor_ids=tuple(slot_id_in(text) for text in wanted),
    )
