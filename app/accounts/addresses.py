"""One spelling per mailbox, so that a unique address means one account."""

from __future__ import annotations

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import ColumnElement, Connection

from app.sealed_columns import marks_of
from app.sealing import EMAIL
from app.tables.accounts import User


def normal_address(text: str) -> str:
    """The address in lower case with an ASCII domain. Raises ValueError when it is none."""
    try:
        found = validate_email(text, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        raise ValueError("must be an e-mail address such as name@example.org") from None
    return (found.ascii_email or found.normalized).lower()


def has_address(connection: Connection, address: str) -> ColumnElement[bool]:
    """The account with this address: addresses are sealed, so their marks are compared."""
    return User.email_mark.in_(marks_of(connection, EMAIL, address))
