"""Password hashes: Argon2id (RFC 9106) with the parameters of OWASP's cheat sheet.

Hashing takes tens of milliseconds of processor time; under gevent it runs in a thread, so that the
other requests of the process go on."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST_PASSWORD, LONGEST_PASSWORD = 10, 128
Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class Passwords:
    """Hashes and checks; built once with the cost that suits the environment."""

    def __init__(self, *, cheap: bool = False) -> None:
        time_cost, memory_kib = (1, 8) if cheap else (2, 19456)
        self._hasher = PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=1)
        self._nobody = self._hasher.hash("an account that does not exist")

    def hash(self, password: str) -> str:
        return _beside_the_loop(self._hasher.hash, _normal(password))

    def matches(self, stored: str | None, password: str) -> bool:
        """Whether the password is the stored one; as slow when there is no account (None)."""
        try:
            _beside_the_loop(self._hasher.verify, stored or self._nobody, _normal(password))
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made with other parameters and should be made anew."""
        return self._hasher.check_needs_rehash(stored)


def _normal(password: str) -> str:
    """The same password from every keyboard (NIST SP 800-63B 5.1.1.2)."""
    return unicodedata.normalize("NFC", password)


def _beside_the_loop(
    work: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("threading"):
        return work(*args, **kwargs)
    import gevent

    done: Result = gevent.get_hub().threadpool.apply(work, args, kwargs)
    return done
