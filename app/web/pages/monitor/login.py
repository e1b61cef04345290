"""Who may give orders in the monitor. The login is everybody's; these addresses lead to it and back."""

from __future__ import annotations

import re

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts.principals import Principal, Role
from app.web.callers import accept_recent_login, is_login_unknown, principal
from app.web.pages.blueprint import pages
from app.web.policy import policy

NEXT = re.compile(r"/monitor(/[a-z]*)?")

__all__ = ["desk", "is_login_unknown", "logged_in", "operator"]

#: Notices must be possible during an outage of the database, so a login it vouched for lately counts there.
BOARD = "/monitor/board"


@pages.before_request
def _accept_recent_login() -> None:
    if request.path.startswith(BOARD):
        accept_recent_login()


def logged_in() -> Principal | None:
    """None for a mere visitor."""
    return principal()


def operator() -> Principal | None:
    """Who may give orders to the cluster."""
    found = principal()
    return found if found and found.has(Role.OPERATOR) else None


def desk() -> Principal | None:
    """Who may tell visitors something."""
    found = principal()
    return found if found and found.is_staff else None


@pages.get("/monitor/login")
@policy("public")
def monitor_login() -> Response:
    """Ask for a login."""
    return redirect(url_for("pages.log_in", next=_next()), 303)


def _next() -> str:
    wanted = request.values.get("next", "")
    return wanted if NEXT.fullmatch(wanted) else url_for("pages.monitor")
