"""The mail server, spoken to with smtplib: plain sockets, so it yields under gevent and blocks without.

SMTP_URL is smtp://host:port, smtp+starttls://user:password@host:port or smtps://user:password@host:port."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from enum import StrEnum
from functools import cache
from typing import Self
from urllib.parse import unquote, urlsplit

from app.config import ConfigError
from app.notices.errors import NotDelivered, Undeliverable

#: For each answer of the server. A mail needs about seven, and a claim lasts 60 seconds.
ANSWER_SECONDS = 8.0
ENHANCED_CODE = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")


class Security(StrEnum):
    PLAIN = "smtp"
    STARTTLS = "smtp+starttls"
    TLS = "smtps"


STANDARD_PORTS = {Security.PLAIN: 25, Security.STARTTLS: 587, Security.TLS: 465}


@dataclass(frozen=True)
class MailServer:
    host: str
    port: int
    security: Security = Security.PLAIN
    user: str | None = None
    password: str = field(default="", repr=False)
    answer_seconds: float = ANSWER_SECONDS

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Raises ConfigError, without showing the URL: it may hold a password."""
        try:
            parts = urlsplit(url)
            security = Security(parts.scheme)
            port = parts.port or STANDARD_PORTS[security]
        except ValueError:
            raise ConfigError("SMTP_URL: use smtp://, smtp+starttls:// or smtps:// and host:port") from None
        if not parts.hostname:
            raise ConfigError("SMTP_URL: there is no host in it")
        user = unquote(parts.username) if parts.username else None
        return cls(parts.hostname, port, security, user, unquote(parts.password or ""))

    def deliver(self, message: EmailMessage) -> None:
        """Return once the server has taken the mail.

        Raises Undeliverable when it never will, NotDelivered when it did not this time."""
        try:
            connection = self._connect()
        except (OSError, smtplib.SMTPException) as error:
            raise NotDelivered(_reason("connecting", error)) from error
        try:
            connection.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            raise _judged("recipient", *next(iter(error.recipients.values()))) from error
        except smtplib.SMTPDataError as error:
            raise _judged("content", error.smtp_code, error.smtp_error) from error
        except smtplib.SMTPNotSupportedError as error:
            raise Undeliverable("the mail server cannot take international addresses") from error
        except (OSError, smtplib.SMTPException) as error:
            raise NotDelivered(_reason("sending", error)) from error
        finally:
            _leave(connection)

    def _connect(self) -> smtplib.SMTP:
        connection = self._open()
        try:
            self._introduce(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _open(self) -> smtplib.SMTP:
        host, port, seconds = self.host, self.port, self.answer_seconds
        if self.security is Security.TLS:
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(host, port, _own_name(), timeout=seconds, context=context)
        return smtplib.SMTP(host, port, _own_name(), timeout=seconds)

    def _introduce(self, connection: smtplib.SMTP) -> None:
        if self.security is Security.STARTTLS:
            connection.starttls(context=ssl.create_default_context())
        if self.user is not None:
            connection.login(self.user, self.password)


@cache
def _own_name() -> str:
    """Asked once: smtplib asks for every connection, and without a name server that takes seconds."""
    name = socket.getfqdn()
    return name if "." in name else "[127.0.0.1]"


def _leave(connection: smtplib.SMTP) -> None:
    """Say goodbye; what happens to the goodbye changes nothing about the mail."""
    with suppress(OSError, smtplib.SMTPException):
        connection.quit()
    connection.close()


def _judged(stage: str, code: int, answer: bytes | str) -> NotDelivered:
    """5xx is final (RFC 5321 section 4.2.1), save for refusals that mean us and not this mail."""
    text = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
    enhanced = ENHANCED_CODE.match(text)
    reason = f"{stage} refused: {code}" + (f" {enhanced.group()}" if enhanced else "")
    is_about_us = enhanced is not None and enhanced.group().startswith("5.7.")
    return Undeliverable(reason) if 500 <= code < 600 and not is_about_us else NotDelivered(reason)


def _reason(stage: str, error: Exception) -> str:
    """The kind of failure without the server's words: those may repeat an address."""
    code = f" {error.smtp_code}" if isinstance(error, smtplib.SMTPResponseException) else ""
    return f"{stage} failed: {type(error).__name__}{code}"
