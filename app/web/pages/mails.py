"""The mails of the development mail sink, and those that could not be sent. Not there in production."""

from __future__ import annotations

import re
from pathlib import Path

from flask import make_response, render_template
from werkzeug.wrappers import Response

from app.errors import NotFound
from app.notices.queue import troubled
from app.web.pages.blueprint import pages
from app.web.pages.kept_mail import read_mail
from app.web.parts import parts
from app.web.policy import policy

NEWEST = 50
#: The sink names files by a digest; anything else in the address is no mail.
NAME_SHAPE = re.compile(r"[0-9a-f]{32}")
#: The frame with the HTML part inherits this: its own styles may act, nothing may run or be loaded.
MAIL_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "object-src 'none'; form-action 'self'; frame-ancestors 'none'"
)


@pages.get("/dev/mails")
@policy("public")
def mails() -> str:
    """The newest mails first."""
    files = sorted(_folder().glob("*.eml"), key=lambda file: file.stat().st_mtime, reverse=True)[:NEWEST]
    with parts().database.read() as connection:
        waiting = troubled(connection)
    return render_template("mails.html", mails=[read_mail(file) for file in files], troubled=waiting)


@pages.get("/dev/mails/<name>")
@policy("public")
def mail(name: str) -> Response:
    """One mail: its text, its HTML in a frame that can do nothing, its calendar entry."""
    file = _folder() / f"{name}.eml"
    if not NAME_SHAPE.fullmatch(name) or not file.is_file():
        raise NotFound("There is no such mail.")
    response = make_response(render_template("mail.html", mail=read_mail(file)))
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    return response


def _folder() -> Path:
    """Raises NotFound in production: there real mail servers are asked, and mails are private."""
    config = parts().config
    if not config.is_development:
        raise NotFound("There is nothing here.")
    return Path(config.mail_folder)
