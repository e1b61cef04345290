"""The mail server, spoken to with smtplib: plain sockets, so it yields under gevent and blocks without.

SMTP_URL is smtp://host:port, smtp+starttls://user:password@host:port or smtps://user:password@host:port."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Self
from urllib.parse import unquote, urlsplit

from app.config import ConfigError
from app.notices.letter import Letter
from app.notices.smtp_session import Session

#: For each answer of the server. A mail needs about seven, three fewer where another went before it.
ANSWER_SECONDS = 8.0


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

    @contextmanager
    def session(self) -> Iterator[Session]:
        """For mails that go out together."""
        session = Session(self._connect)
        try:
            yield session
        finally:
            session.close()

    def deliver(self, letter: Letter) -> None:
        """Return once the server has taken the mail.

        Raises Undeliverable when it never will, NotDelivered when it did not this time."""
        with self.session() as session:
            session.deliver(letter)

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
        connection.ehlo_or_helo_if_needed()


@cache
def _own_name() -> str:
    """Asked once: smtplib asks for every connection, and without a name server that takes seconds."""
    name = socket.getfqdn()
    return name if "." in name else "[127.0.0.1]"
