"""The reader chooses a language: this browser keeps it, and so does the account of who is logged in."""

from __future__ import annotations

from flask import request, url_for
from werkzeug.wrappers import Response

from app.accounts import own
from app.languages.catalogue import LANGUAGES
from app.web.languages import remember_language
from app.web.pages.account.cookies import on_to, ours_or
from app.web.pages.blueprint import pages
from app.web.pages.frame import visitor
from app.web.parts import parts
from app.web.policy import policy


@pages.post("/language")
@policy("public")
def choose_language() -> Response:
    """Go on in this language, on the same page."""
    response = on_to(ours_or(request.form.get("page", ""), url_for("pages.choose")))
    chosen = request.form.get("language", "")
    if chosen in LANGUAGES:
        remember_language(response, chosen)
        caller = visitor()
        if caller is not None:
            own.read_in(parts().accounts, caller, chosen)
    return response
