"""A mail that the development sink kept, as its receiver would see it."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default as modern
from pathlib import Path

from app.languages.texts import _


@dataclass(frozen=True)
class KeptMail:
    name: str
    subject: str
    to: str
    sent: str
    text: str
    html: str
    #: The text of its calendar entry, and what a calendar is asked to do with it.
    calendar: str
    calendar_method: str
    attachments: tuple[str, ...]


def read_mail(file: Path) -> KeptMail:
    """Whatever the file holds: a page about broken mails must not break."""
    message = BytesParser(_class=EmailMessage, policy=modern).parsebytes(file.read_bytes())
    parts = {part.get_content_type(): part for part in reversed(list(message.walk()))}
    calendar = parts.get("text/calendar")
    return KeptMail(
        name=file.stem,
        subject=_header(message, "Subject") or _("(no subject)"),
        to=_header(message, "To"),
        sent=_header(message, "Date"),
        text=_text(parts.get("text/plain")),
        html=_text(parts.get("text/html")),
        calendar=_text(calendar),
        calendar_method=str(calendar.get_param("method", "")) if calendar else "",
        attachments=tuple(
            part.get_filename() or part.get_content_type()
            for part in message.walk()
            if part.get_content_disposition() == "attachment"
        ),
    )


def _header(message: EmailMessage, name: str) -> str:
    try:
        return str(message[name] or "")
    except (ValueError, LookupError):  # the parser trips over some malformed headers
        return "(unreadable)"


def _text(part: EmailMessage | None) -> str:
    payload = part.get_payload(decode=True) if part else None
    return payload.decode(errors="replace") if isinstance(payload, bytes) else ""
