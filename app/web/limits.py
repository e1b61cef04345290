"""How many writes a caller may send: per account, or per address without one. nginx limits before this.

What is scarce has limits of its own (app/booking/allowances.py), and so have passwords (app/accounts)."""

from __future__ import annotations

import math

from flask import request

from app.accounts.principals import Principal
from app.coordination.rates import Rate, Rates
from app.errors import TooManyRequests, Unauthenticated, Unavailable
from app.web.callers import principal
from app.web.origins import crowd, origin
from app.web.parts import parts

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
WINDOW_SECONDS = 60.0
WRITES_OF_AN_ACCOUNT, WRITES_OF_AN_ADDRESS = 240, 600


def require_calm() -> None:
    """Raises TooManyRequests when this caller writes faster than anybody needs to."""
    if request.method in SAFE_METHODS:
        return
    caller = _caller()
    if caller is None:
        require_calm_of(parts().rates, origin(), crowd())
    else:
        _count(parts().rates, f"user:{caller.user_id}", WRITES_OF_AN_ACCOUNT * caller.limit_factor)


def require_calm_of(rates: Rates, origin: str, crowd: int) -> None:
    """The same for one write of somebody without a login."""
    _count(rates, f"from:{origin}", WRITES_OF_AN_ADDRESS * crowd)


def _count(rates: Rates, name: str, most: int) -> None:
    wait = rates.wait(name, Rate(most, WINDOW_SECONDS))
    if wait > 0:
        raise TooManyRequests.after(math.ceil(wait), "Too many requests.")


def _caller() -> Principal | None:
    """Whose login it is, if that can be known; a login that is none counts for the address."""
    try:
        return principal()
    except (Unauthenticated, Unavailable):
        return None
