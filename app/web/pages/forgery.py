"""Another site must not post our forms (OWASP: cross-site request forgery).

Two independent walls: the browser's own word on where the request comes from (Sec-Fetch-Site, Origin),
and a signed double-submit token bound to a cookie that another site can neither read nor set."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from flask import Response, g, request

from app.errors import Forbidden
from app.web.api.request_keys import is_keyed_digest, keyed_digest
from app.web.pages.blueprint import pages
from app.web.parts import parts

FIELD = "form_token"
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
SAFE_SITES = {"same-origin", "none"}
LONGEST_SECRET = 64


class ForgedRequest(Forbidden):
    code = "FORGED_REQUEST"
    title = "This form came from somewhere else"


def form_token() -> str:
    """What a form of this browser carries."""
    return keyed_digest(f"form:{browser_secret()}")


def browser_secret() -> str:
    """The value of this browser's cookie; made now when it has none."""
    if "browser_secret" not in g:
        given = request.cookies.get(cookie_name(), "")
        g.browser_secret = given[:LONGEST_SECRET] or secrets.token_urlsafe(24)
    secret: str = g.browser_secret
    return secret


@pages.before_request
def refuse_forgeries() -> None:
    """Raises ForgedRequest for a write that did not start on one of our own pages."""
    if request.method in SAFE_METHODS:
        return
    if not _is_from_here():
        raise ForgedRequest("Please start again on our own pages.")
    given = request.form.get(FIELD, "")
    if not request.cookies.get(cookie_name()) or not is_keyed_digest(given, f"form:{browser_secret()}"):
        raise ForgedRequest("The form is too old, or cookies are switched off. Open the page again.")


def cookie_name(name: str = "oneslot_form") -> str:
    """With https the browser itself guarantees that no other host set the cookie (RFC 6265bis __Host-)."""
    return f"__Host-{name}" if request.is_secure else name


def _is_from_here() -> bool:
    """What the browser says; a browser that says nothing at all is refused."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is None and origin is None:
        return False
    if site is not None and site not in SAFE_SITES:
        return False
    return origin is None or urlsplit(origin).netloc in _our_hosts()


def _our_hosts() -> set[str]:
    return {request.host, urlsplit(parts().config.base_url).netloc}


@pages.after_request
def _keep_secret(response: Response) -> Response:
    name = cookie_name()
    if "browser_secret" in g and request.cookies.get(name) != g.browser_secret:
        response.set_cookie(name, g.browser_secret, httponly=True, secure=request.is_secure, samesite="Lax")
    return response
