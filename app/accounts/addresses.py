"""One spelling per mailbox, so that a unique address means one account."""

from __future__ import annotations

import re
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import ColumnElement, Connection

from app.sealed_columns import marks_of
from app.sealing import EMAIL
from app.tables.accounts import User

#: What stays as it is whatever the domain: most people's names of their mailboxes, in lower case.
PLAIN_NAME = re.compile(r"[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*")
PLAIN_DOMAIN = re.compile(r"[a-z0-9.-]{1,100}")
LONGEST_NAME = 64


def normal_address(text: str) -> str:
    """The address in lower case with an ASCII domain. Raises ValueError when it is none."""
    name, _, domain = text.partition("@")
    is_plain = len(name) <= LONGEST_NAME and PLAIN_NAME.fullmatch(name) and PLAIN_DOMAIN.fullmatch(domain)
    return text if is_plain and _stays_as_it_is(domain) else _normal(text)


@lru_cache(1000)
def _stays_as_it_is(domain: str) -> bool:
    """Whether addresses there are spelled as they should be; of a few domains most people's are."""
    try:
        return _normal(f"a@{domain}") == f"a@{domain}"
    except ValueError:
        return False


def _normal(text: str) -> str:
    try:
        found = validate_email(text, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        raise ValueError("must be an e-mail address such as name@example.org") from None
    return (found.ascii_email or found.normalized).lower()


def has_address(connection: Connection, address: str) -> ColumnElement[bool]:
    """The account with this address: addresses are sealed, so their marks are compared."""
    return User.email_mark.in_(marks_of(connection, EMAIL, address))
