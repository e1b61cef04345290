"""What RQ workers run. A few lines each, safe to run twice, plain strings in."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from functools import cache

import structlog

from app.accounts.own import RESET, reset_token
from app.booking import manage_token
from app.config import Config
from app.database import Database
from app.errors import Unavailable
from app.notices.account_mail import SEND_JOB as SEND_ACCOUNT_MAIL
from app.notices.account_mail import AccountSender
from app.notices.sender import Sender
from app.notices.smtp import MailServer
from app.notices.transports import build_transports
from app.outgoing.build import build_caller
from app.webhooks.secrets import WebhookKeys
from app.webhooks.sender import SEND_JOB as DELIVER_WEBHOOK
from app.webhooks.sender import WebhookSender

log = structlog.get_logger()


def send_notice(*notice_ids: str) -> str:
    """Send one mail or several; what cannot be sent now stays due in the database."""
    try:
        return ", ".join(sender().send_all([uuid.UUID(each) for each in notice_ids]).values())
    except Unavailable as problem:
        log.warning("Notices postponed", topic="notices", notices=notice_ids, reason=problem.detail)
        return "postponed"


def send_account_mail(mail_id: str) -> str:
    """Send one mail about an account; what cannot be sent now stays due in the database."""
    try:
        return account_sender().send(uuid.UUID(mail_id))
    except Unavailable as problem:
        log.warning("Account mail postponed", topic="notices", mail=mail_id, reason=problem.detail)
        return "postponed"


def deliver_webhook(delivery_id: str) -> str:
    """Deliver one event to one endpoint; what cannot be delivered now stays due in the database."""
    try:
        return webhook_sender().send(uuid.UUID(delivery_id))
    except Unavailable as problem:
        log.warning("Webhook postponed", topic="webhooks", delivery=delivery_id, reason=problem.detail)
        return "postponed"


def build_webhook_sender(config: Config, database: Database) -> WebhookSender:
    """What delivers in a worker, and in the coordinator when there is none."""
    return WebhookSender(database, build_caller(config), WebhookKeys.of(config.secrets))


def build_account_sender(config: Config, database: Database) -> AccountSender:
    """What sends mails about accounts in a worker, and in the coordinator when there is none."""

    def url(kind: str, mail_id: uuid.UUID) -> str:
        path = f"/reset/{reset_token(config.secret_key, mail_id)}" if kind == RESET else "/account"
        return config.base_url + path

    return AccountSender(
        database, MailServer.from_url(config.smtp_url), config.mail_from, url, config.clinic_language
    )


def build_sender(config: Config, database: Database) -> Sender:
    """What sends mails in a worker, and in the coordinator when there is none."""

    def manage_url(booking_id: uuid.UUID) -> str:
        return f"{config.base_url}/m/{manage_token.issue(config.secret_key, booking_id)}"

    server = MailServer.from_url(config.smtp_url)
    transports = build_transports(config)
    return Sender(database, server, config.mail_from, manage_url, transports, config.clinic_language)


@cache
def sender() -> Sender:
    """The sender of this process."""
    config = Config.from_env(os.environ)
    return build_sender(config, Database(config.database_url, 2, config.keyring))


@cache
def account_sender() -> AccountSender:
    """The sender of this process."""
    config = Config.from_env(os.environ)
    return build_account_sender(config, Database(config.database_url, 2, config.keyring))


@cache
def webhook_sender() -> WebhookSender:
    """The sender of this process."""
    config = Config.from_env(os.environ)
    return build_webhook_sender(config, Database(config.database_url, 2, config.keyring))


#: The only functions a job may name.
JOBS: dict[str, Callable[..., str]] = {
    "worker.jobs.send_notice": send_notice,
    SEND_ACCOUNT_MAIL: send_account_mail,
    DELIVER_WEBHOOK: deliver_webhook,
}
