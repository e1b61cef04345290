"""What can go wrong, in words a person can read. The web layer maps each class to a status."""

from __future__ import annotations

from typing import Any, ClassVar, Self


class Refusal(Exception):
    """The request was understood and is refused; asking again the same way gives the same answer."""

    code: ClassVar[str] = "REFUSED"
    title: ClassVar[str] = "Refused"
    #: It passes by itself: a repeat under the same key is looked at anew.
    is_passing: ClassVar[bool] = False

    def __init__(self, detail: str, **extras: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extras = extras
        self.replayed = False

    def again(self) -> Self:
        """The same refusal for another request: an exception object belongs to one stack."""
        return type(self)(self.detail, **self.extras)

    @property
    def retryable(self) -> bool:
        """Whether the same request can succeed later without a change."""
        return False


class NotFound(Refusal):
    code = "NOT_FOUND"
    title = "Not found"


class ValidationFailed(Refusal):
    """A value is not acceptable; errors names each field and the reason."""

    code = "VALIDATION_FAILED"
    title = "Some fields need attention"

    @classmethod
    def of(cls, field: str, message: str) -> ValidationFailed:
        return cls(f"{field}: {message}", errors=[{"field": field, "message": message}])


class Forbidden(Refusal):
    code = "FORBIDDEN"
    title = "Not allowed"


class Unauthenticated(Refusal):
    code = "UNAUTHENTICATED"
    title = "Please log in"


class Conflict(Refusal):
    """The change contradicts what is stored, such as an e-mail address in use."""

    code = "CONFLICT"
    title = "That is in use"


class IdempotencyKeyReused(Refusal):
    code = "IDEMPOTENCY_KEY_REUSED"
    title = "This Idempotency-Key belongs to another request"


class RequestInProgress(Refusal):
    code = "REQUEST_IN_PROGRESS"
    title = "A request with this Idempotency-Key is still running"

    @property
    def retryable(self) -> bool:
        return True


class SecondFactorRequired(Unauthenticated):
    """The password was right; the code of the second factor is missing or wrong."""

    code = "SECOND_FACTOR_REQUIRED"
    title = "Your code, please"


class TooManyRequests(Refusal):
    """More than one caller may ask in this time."""

    code = "RATE_LIMITED"
    title = "One moment, please"
    is_passing = True

    @classmethod
    def after(cls, seconds: int, why: str) -> TooManyRequests:
        """Retry-After is honest: the same request counts again then."""
        return cls(f"{why} Please wait {_span(seconds)}.", retry_after_seconds=seconds)

    @property
    def retryable(self) -> bool:
        return True


def _span(seconds: int) -> str:
    return f"{seconds} seconds" if seconds < 120 else f"{-(-seconds // 60)} minutes"


class Unavailable(Exception):
    """The product cannot answer now; nothing was changed; the same request may be sent again."""

    code: ClassVar[str] = "UNAVAILABLE"
    title: ClassVar[str] = "Not available at the moment"

    def __init__(self, detail: str = "Please try again in a moment.", retry_after_seconds: int = 2) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds


class OutcomeUnknown(Unavailable):
    """The database did not say whether the change was kept; the same Idempotency-Key repeats safely."""

    code = "OUTCOME_UNKNOWN"
    title = "We could not learn whether this was saved"
