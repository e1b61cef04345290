"""The browser's login: a cookie that scripts cannot read and other sites cannot send with a form."""

from __future__ import annotations

import re

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from app.accounts import sessions
from app.accounts.principals import LONGEST_SESSION_SECONDS
from app.accounts.sessions import Opened
from app.web.callers import session_cookie, session_token
from app.web.parts import parts

#: A place of ours: one slash, then nothing that could name a host.
OUR_PATH = re.compile(r"/(?![/\\])[A-Za-z0-9/_.~?=&%+-]{0,300}")


def remember_login(response: Response, opened: Opened) -> Response:
    """The browser is logged in from now on; what it showed before ends (ASVS 7.2.4)."""
    earlier = session_token()
    if earlier is not None:
        parts().database.run(lambda tx: sessions.end_token(tx, earlier))
    response.set_cookie(
        session_cookie(),
        opened.token or "",
        max_age=sessions.CODE_SECONDS if opened.awaits_code else LONGEST_SESSION_SECONDS,
        httponly=True,
        secure=request.is_secure,
        samesite="Lax",
    )
    return response


def forget_login(response: Response) -> Response:
    response.delete_cookie(session_cookie(), secure=request.is_secure, httponly=True, samesite="Lax")
    return response


def where_next(default: str = "pages.mine") -> str:
    """Where somebody wanted to go before they were asked to log in; never to another site."""
    return ours_or(request.values.get("next", ""), url_for(default))


def ours_or(wanted: str, default: str) -> str:
    """The address if it is a place of ours, else the default."""
    return wanted if OUR_PATH.fullmatch(wanted) else default


def on_to(address: str) -> Response:
    return redirect(address, 303)
