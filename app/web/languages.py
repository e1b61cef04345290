"""In which language a page answers: as its reader chose, else as the browser asks, else the clinic's."""

from __future__ import annotations

from functools import cache

from flask import Flask, request
from flask import Response as FlaskResponse
from markupsafe import Markup
from werkzeug.wrappers import Response

from app.languages import catalogue, texts
from app.languages.catalogue import LANGUAGES, direction
from app.web.parts import parts
from app.web.paths import is_for_programs
from app.web.script_words import script_words

COOKIE = "oneslot_language"
ONE_YEAR_SECONDS = 31_536_000


def install(app: Flask) -> None:
    catalogue.prepare()  # no reader waits for a catalogue to be read
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        texts._, texts.plural_form, newstyle=True
    )
    app.jinja_env.filters["translated"] = texts.translated
    app.jinja_env.globals.update(
        _=_in_template,
        language=texts.language,
        direction=direction,
        languages=LANGUAGES,
        script_words=script_words,
    )
    app.before_request(_choose)
    app.after_request(_name)
    app.teardown_request(_forget)


def _in_template(message: str, **values: object) -> Markup:
    """gettext for templates: what is filled in is escaped, a sign of percent is written twice.

    Jinja's own way does the same through three calls and is a third of a small page's time."""
    if values:
        return _marked(texts.language(), message) % values
    return _plain(texts.language(), message)


@cache
def _marked(language: str, message: str) -> Markup:
    # The catalogues are ours, like the templates: their markup is meant (Ruff's S704 is for others').
    return Markup(catalogue.translations(language).gettext(message))  # noqa: S704


@cache
def _plain(language: str, message: str) -> Markup:
    return _marked(language, message) % {}


def chosen_language() -> str:
    """The cookie's word, then the browser's, then the clinic's."""
    chosen = request.cookies.get(COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    # The reader's order: Austrian German comes before English even where nobody has Austrian German.
    asked = (tag.partition("-")[0].lower() for tag, wish in request.accept_languages if wish)
    return next((tag for tag in asked if tag in LANGUAGES), parts().config.clinic_language)


def remember_language(response: Response, chosen: str) -> None:
    """This browser is answered in that language from now on."""
    response.set_cookie(
        COOKIE, chosen, max_age=ONE_YEAR_SECONDS, httponly=True, secure=request.is_secure, samesite="Lax"
    )


def _choose() -> None:
    """Programs read English: their codes are what counts, and stored answers serve everybody."""
    if not is_for_programs(request.path):
        texts.speak(chosen_language())


def _name(response: FlaskResponse) -> FlaskResponse:
    """No cache may give one reader's page to another of another language."""
    if response.mimetype == "text/html":
        response.headers["Content-Language"] = texts.language()
        response.vary.update(("Accept-Language", "Cookie"))
    return response


def _forget(error: BaseException | None) -> None:
    texts.speak(catalogue.SOURCE)
