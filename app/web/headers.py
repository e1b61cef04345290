"""Security headers on every answer, errors included."""

from __future__ import annotations

import secrets

from flask import Flask, Response, g, request

ONE_YEAR_SECONDS = 31_536_000
#: For what is data, not a page: nothing may be loaded, run or framed.
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

TRANSPORT = ("Strict-Transport-Security", f"max-age={ONE_YEAR_SECONDS}; includeSubDomains")
#: No view sets these itself, so they need not be looked for before they are added.
FIXED = (
    ("X-Content-Type-Options", "nosniff"),
    # A manage link must not travel to another site as a referrer.
    ("Referrer-Policy", "same-origin"),
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
)


def install(app: Flask) -> None:
    app.after_request(_protect)
    app.jinja_env.globals["csp_nonce"] = csp_nonce


def csp_nonce() -> str:
    """This request's nonce: <script nonce="{{ csp_nonce() }}"> and <style nonce=...> may stand in a page."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    nonce: str = g.csp_nonce
    return nonce


def _protect(response: Response) -> Response:
    is_page = response.mimetype == "text/html"
    response.headers.setdefault("Content-Security-Policy", _page_policy() if is_page else DATA_POLICY)
    response.headers.extend(FIXED)
    if "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    if request.is_secure:
        response.headers.extend([TRANSPORT])
    return response


def _page_policy() -> str:
    nonce = f" 'nonce-{g.csp_nonce}'" if "csp_nonce" in g else ""
    return (
        f"default-src 'self'; script-src 'self'{nonce}; style-src 'self'{nonce}; img-src 'self' data:; "
        "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
