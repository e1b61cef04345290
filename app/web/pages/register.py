"""Plugs the pages into the application."""

from __future__ import annotations

from apiflask import APIFlask

from app.web.failures import page_renderer
from app.web.pages import assets, forgery, frame
from app.web.pages.blueprint import pages
from app.web.pages.refusals import render_failure


def register_pages(app: APIFlask) -> None:
    """Every page, its files, and the pages of things that go wrong."""
    from app.web.pages import (  # noqa: F401 - importing a page adds its routes
        cancel,
        check,
        choose,
        details,
        find,
        hold,
        mails,
        manage,
        move,
        times,
    )

    forgery.install(pages)
    frame.install(app)
    assets.install(app)
    app.register_blueprint(pages)
    page_renderer(app, render_failure)
