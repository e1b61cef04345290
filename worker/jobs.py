"""What RQ workers run. A few lines each, safe to run twice, plain strings in."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from functools import cache

import structlog

from app.booking import manage_token
from app.config import Config
from app.database import Database
from app.errors import Unavailable
from app.notices.sender import Sender
from app.notices.smtp import MailServer

log = structlog.get_logger()


def send_notice(notice_id: str) -> str:
    """Send one mail; what cannot be sent now stays due in the database."""
    try:
        return sender().send(uuid.UUID(notice_id)).value
    except Unavailable as problem:
        log.warning("Notice postponed", topic="notices", notice=notice_id, reason=problem.detail)
        return "postponed"


def build_sender(config: Config, database: Database) -> Sender:
    """What sends mails in a worker, and in the coordinator when there is none."""

    def manage_url(booking_id: uuid.UUID) -> str:
        return f"{config.base_url}/m/{manage_token.issue(config.secret_key, booking_id)}"

    return Sender(database, MailServer.from_url(config.smtp_url), config.mail_from, manage_url)


@cache
def sender() -> Sender:
    """The sender of this process."""
    config = Config.from_env(os.environ)
    return build_sender(config, Database(config.database_url, pool_size=2))


#: The only functions a job may name.
JOBS: dict[str, Callable[[str], str]] = {"worker.jobs.send_notice": send_notice}
