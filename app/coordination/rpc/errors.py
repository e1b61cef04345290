"""How a call can end without a result."""

from __future__ import annotations


class CallFailed(Exception):
    """The call to another node brought no result."""


class CallRefused(CallFailed):
    """The receiver answered, and the answer is no: it did nothing, or its work failed as `code` says."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class Unreachable(CallFailed):
    """The receiver certainly did not get the call: nobody listens there, or its address is unknown."""


class NoAnswer(CallFailed):
    """No answer in time: the receiver may have acted, may act yet, or may never have heard of it."""
