"""One spelling per mailbox, so that a unique address means one account."""

from __future__ import annotations

from email_validator import EmailNotValidError, validate_email


def normal_address(text: str) -> str:
    """The address in lower case with an ASCII domain. Raises ValueError when it is none."""
    try:
        found = validate_email(text, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        raise ValueError("must be an e-mail address such as name@example.org") from None
    return (found.ascii_email or found.normalized).lower()
