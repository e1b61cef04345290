"""Why a mail did not go out. Reasons never carry an address or a name: they are logged and stored."""

from __future__ import annotations


class NotDelivered(Exception):
    """The mail server did not take the mail now; a later attempt may succeed."""


class Undeliverable(NotDelivered):
    """The mail server will never take this mail."""


class NobodyToTell(Exception):
    """The booking has no e-mail address."""
