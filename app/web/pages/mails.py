"""The mails of the development mail sink, as their receivers would see them. Not there in production."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default as modern
from pathlib import Path

from flask import render_template

from app.errors import NotFound
from app.web.pages.blueprint import pages
from app.web.parts import parts
from app.web.policy import policy

NEWEST = 50
#: The sink names files by a digest; anything else in the address is no mail.
NAME_SHAPE = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Mail:
    name: str
    subject: str
    to: str
    sent: str
    text: str
    attachments: tuple[str, ...]


@pages.get("/mails")
@policy("public")
def mails() -> str:
    """The newest mails first."""
    files = sorted(_folder().glob("*.eml"), key=lambda file: file.stat().st_mtime, reverse=True)[:NEWEST]
    return render_template("mails.html", mails=[_read(file) for file in files], smtp=parts().config.smtp_url)


@pages.get("/mails/<name>")
@policy("public")
def mail(name: str) -> str:
    """One mail."""
    file = _folder() / f"{name}.eml"
    if not NAME_SHAPE.fullmatch(name) or not file.is_file():
        raise NotFound("There is no such mail.")
    return render_template("mail.html", mail=_read(file))


def _folder() -> Path:
    """Raises NotFound in production: there real mail servers are asked, and mails are private."""
    config = parts().config
    if not config.is_development:
        raise NotFound("There is nothing here.")
    return Path(config.mail_folder)


def _read(file: Path) -> Mail:
    message = BytesParser(_class=EmailMessage, policy=modern).parsebytes(file.read_bytes())
    body = message.get_body(preferencelist=("plain",))
    return Mail(
        name=file.stem,
        subject=str(message["Subject"] or "(no subject)"),
        to=str(message["To"] or ""),
        sent=str(message["Date"] or ""),
        text=body.get_content() if body else "",
        attachments=tuple(
            part.get_filename() or part.get_content_type() for part in message.iter_attachments()
        ),
    )
