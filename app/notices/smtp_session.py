"""Mails handed over one after another on one connection (RFC 5321 section 3.3), each judged for itself."""

from __future__ import annotations

import re
import smtplib
from collections.abc import Callable
from contextlib import suppress

from app.notices.errors import NotDelivered, Undeliverable
from app.notices.letter import Letter

ENHANCED_CODE = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
SERVICE_CLOSES = 421


class Session:
    """Opens its connection for the first mail, and another one when the server has closed it since.

    A server that cannot be reached is asked once: the mails that follow fail for now, for the same reason."""

    def __init__(self, connect: Callable[[], smtplib.SMTP]) -> None:
        self._connect = connect
        self._connection: smtplib.SMTP | None = None
        self._away = ""

    def deliver(self, letter: Letter) -> None:
        """Return once the server has taken the mail.

        Raises Undeliverable when it never will, NotDelivered when it did not this time."""
        try:
            self._hand_over(letter)
        except smtplib.SMTPNotSupportedError as error:
            raise Undeliverable("the mail server cannot take international addresses") from error
        except smtplib.SMTPDataError as error:
            self._forget_mail(error.smtp_code)
            raise _judged("content", error.smtp_code, error.smtp_error) from error
        except OSError as error:  # what smtplib raises is one, too
            self.close()
            raise NotDelivered(_reason("sending", error)) from error

    def close(self) -> None:
        """Say goodbye; what happens to the goodbye changes nothing about the mails."""
        if self._connection is not None:
            with suppress(OSError):
                self._connection.quit()
            self._connection.close()
            self._connection = None

    def _hand_over(self, letter: Letter) -> None:
        connection = self._begun(letter)
        code, answer = connection.rcpt(letter.recipient)
        if code not in (250, 251):
            self._forget_mail(code)
            raise _judged("recipient", code, answer)
        code, answer = connection.data(letter.content)
        if code != 250:
            raise smtplib.SMTPDataError(code, answer)

    def _begun(self, letter: Letter) -> smtplib.SMTP:
        """A connection on which the server waits for the recipient."""
        was_open = self._connection is not None
        try:
            return self._mail_from(letter)
        except smtplib.SMTPNotSupportedError:
            raise
        except OSError:
            # Servers may end a session between two mails, and of this one they have heard nothing yet.
            if not was_open:
                raise
            self.close()
            return self._mail_from(letter)

    def _mail_from(self, letter: Letter) -> smtplib.SMTP:
        connection = self._open()
        options = ["SMTPUTF8", "BODY=8BITMIME"] if letter.is_international else []
        if connection.has_extn("size"):
            options.append(f"SIZE={len(letter.content)}")
        code, answer = connection.mail(letter.sender, options)
        if code != 250:
            raise smtplib.SMTPSenderRefused(code, answer, letter.sender)
        return connection

    def _open(self) -> smtplib.SMTP:
        if self._away:
            raise NotDelivered(self._away)
        if self._connection is None:
            try:
                self._connection = self._connect()
            except OSError as error:
                self._away = _reason("connecting", error)
                raise NotDelivered(self._away) from error
        return self._connection

    def _forget_mail(self, code: int) -> None:
        """After a refusal the same connection takes the next mail, unless the server is about to leave."""
        try:
            if code == SERVICE_CLOSES or self._connection is None or self._connection.rset()[0] != 250:
                self.close()
        except OSError:
            self.close()


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
