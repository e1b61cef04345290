"""An order that was not carried out: why, and the way back to the monitor."""

from __future__ import annotations

from http import HTTPStatus

from flask import Response, make_response, redirect, render_template, request, url_for

from app.languages.texts import translated
from app.web.correlation import correlation_id
from app.web.failures import Failure
from app.web.pages.monitor.login import BOARD
from app.web.pages.monitor.orders import tab_of_order
from app.web.pages.wording import words_of


def is_about_monitor() -> bool:
    return request.path.startswith("/monitor")


def render_refused(failure: Failure) -> Response:
    """Whoever is not logged in (any more) is asked to; others are told why."""
    tab = (
        "board" if request.path.startswith(BOARD) else tab_of_order((request.view_args or {}).get("name", ""))
    )
    back = url_for(f"pages.monitor_{tab}")
    if failure.status == HTTPStatus.UNAUTHORIZED:
        return make_response(redirect(url_for("pages.monitor_login", next=back), 303))
    return make_response(
        render_template(
            "monitor/refused.html",
            title=translated(failure.title),
            words=words_of(failure),
            status=failure.status,
            back=back,
            correlation_id=correlation_id(),
        ),
        failure.status,
    )
