"""Mails about an account: a link for who forgot the password, and a word when it was changed."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any

import structlog
from sqlalchemy import Connection, select, update

from app.database import Database, db_now
from app.languages.catalogue import SOURCE
from app.languages.texts import N_, _, speaking
from app.notices.errors import NotDelivered, Undeliverable
from app.notices.letter import Letter, sealed, write
from app.notices.mail import rendered
from app.notices.smtp import MailServer
from app.notices.typed_text import name_to_greet
from app.tables.accounts import AccountMail, User

log = structlog.get_logger()
SEND_JOB = "worker.jobs.send_account_mail"
#: A link lasts half an hour; nobody waits longer for the mail.
MOST_ATTEMPTS = 5
PAUSE_SECONDS = 60
OVERDUE_SECONDS = 5.0
WORDS = {
    "reset": {
        "title": N_("Choose a new password"),
        "opening": N_(
            "Somebody asked for a new password for your account. The link works for 30 minutes, once."
        ),
        "link": N_("Choose a new password"),
        "closing": N_("If that was not you, do nothing: your password stays as it is."),
    },
    "changed": {
        "title": N_("Your password was changed"),
        "opening": N_("The password of your account was changed, and every other login of it has ended."),
        "link": N_("See where you are logged in"),
        "closing": N_("If that was not you, ask for a new password at once: the login page says how."),
    },
}


@dataclass(frozen=True)
class AccountSender:
    """Everything that sending stands on. Built once per process."""

    database: Database
    server: MailServer
    mail_from: str
    #: The link in a mail of this kind.
    url: Callable[[str, uuid.UUID], str]
    #: What the clinic speaks to whose account says nothing.
    language: str = SOURCE

    def send(self, mail_id: uuid.UUID) -> str:
        """Send it unless it is done or in other hands. Harmless twice. Raises Unavailable."""
        mail = self.database.run(lambda tx: _take(tx, mail_id))
        if mail is None:
            return "not ours"
        try:
            with speaking(mail.language or self.language):
                letter = compose(mail, self.mail_from, self.url(mail.kind, mail_id))
            self.server.deliver(letter)
        except NotDelivered as error:
            is_final = isinstance(error, Undeliverable)
            log.warning("Account mail not sent", topic="notices", mail=str(mail_id), reason=str(error))
            if is_final:
                self.database.run(lambda tx: _mark_sent(tx, mail_id))
            return "failed for good" if is_final else "failed for now"
        self.database.run(lambda tx: _mark_sent(tx, mail_id))
        log.info("Account mail sent", topic="notices", mail=str(mail_id), kind=mail.kind)
        return "sent"

    def deliver_due(self) -> int:
        """Send what no worker took; for the leader. Raises Unavailable."""
        with self.database.read() as connection:
            due = connection.execute(
                select(AccountMail.id)
                .where(
                    AccountMail.sent_at.is_(None),
                    AccountMail.attempts < MOST_ATTEMPTS,
                    AccountMail.next_attempt_at <= db_now(-OVERDUE_SECONDS),
                )
                .order_by(AccountMail.next_attempt_at)
                .limit(20)
            ).scalars()
        return [self.send(mail_id) for mail_id in due].count("sent")


def compose(mail: Any, sender: str, url: str) -> Letter:
    """The mail; its Message-ID is the row's id, so that a repeat is recognised."""
    words = {name: _(text) for name, text in WORDS[mail.kind].items()}
    headers = {
        "Subject": words["title"],
        "Message-ID": f"<{mail.id}@{parseaddr(sender)[1].rpartition('@')[2]}>",
        "Auto-Submitted": "auto-generated",
    }
    filled = {**words, "name": name_to_greet(mail.name), "url": url}
    return sealed(write(sender, (mail.name, mail.email), headers, *rendered("account", filled)))


def _take(tx: Connection, mail_id: uuid.UUID) -> Any:
    """The mail and whose it is, or None; for a minute nobody else gets it."""
    taken = tx.execute(
        update(AccountMail)
        .where(
            AccountMail.id == mail_id,
            AccountMail.sent_at.is_(None),
            AccountMail.attempts < MOST_ATTEMPTS,
            AccountMail.next_attempt_at <= db_now(),
        )
        .values(attempts=AccountMail.attempts + 1, next_attempt_at=db_now(PAUSE_SECONDS))
    )
    if taken.rowcount != 1:
        return None
    return tx.execute(
        select(AccountMail.id, AccountMail.kind, User.name, User.email, User.language)
        .join(User, User.id == AccountMail.user_id)
        .where(AccountMail.id == mail_id, User.erased_at.is_(None))
    ).first()


def _mark_sent(tx: Connection, mail_id: uuid.UUID) -> None:
    tx.execute(update(AccountMail).where(AccountMail.id == mail_id).values(sent_at=db_now()))
