"""The Idempotency-Key of a write, bound to who sent it and to what was asked."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Any

from flask import Flask, request
from pydantic import BaseModel

from app.errors import ValidationFailed
from app.idempotency import RequestKey
from app.web.callers import principal
from app.web.parts import parts

HEADER = "Idempotency-Key"
LONGEST_KEY = 255
WELL_FORMED = re.compile(rf"[!-~]{{1,{LONGEST_KEY}}}")


def install(app: Flask) -> None:
    """Refuse a bad key before anything is done, also where keys have no effect."""
    app.before_request(_refuse_bad_key)


def _refuse_bad_key() -> None:
    key = request.headers.get(HEADER)
    if key is not None and not WELL_FORMED.fullmatch(key):
        raise ValidationFailed.of(HEADER, f"must be 1 to {LONGEST_KEY} printable ASCII characters, no spaces")


def request_key(asked: BaseModel | dict[str, Any] | None = None) -> RequestKey | None:
    """The key under which once() remembers this request; None when the caller sent none.

    asked is the validated request, without secrets: a digest of it is stored. Another caller's
    equal key is another key."""
    key = request.headers.get(HEADER)
    if key is None:
        return None
    caller = principal()
    who = f"user:{caller.user_id}" if caller else guest_at(request.remote_addr)
    route = request.url_rule.rule if request.url_rule else request.path
    return bound_key(
        key, scope_of(parts().config.secret_key, who, request.method, route), request.path, asked
    )


def bound_key(key: str, scope: str, path: str, asked: BaseModel | dict[str, Any] | None) -> RequestKey:
    """The key within its scope, for exactly this request."""
    body = asked.model_dump(mode="json") if isinstance(asked, BaseModel) else asked
    return RequestKey.of(scope, key, {"path": path, "body": body})


def scope_of(secret: str, who: str, method: str, route: str) -> str:
    """Whose keys, and of which route."""
    return digest_under(secret, f"{who} {method} {route}")


def guest_at(address: str | None) -> str:
    """Who somebody without a login is."""
    return f"address:{address}"


def keyed_digest(text: str) -> str:
    """A digest that only this installation can compute: for secrets and guessable values."""
    return digest_under(parts().config.secret_key, text)


def is_keyed_digest(given: str, text: str) -> bool:
    """Whether this is the text's digest, under the secret in use or one before it."""
    right = [digest_under(secret, text) for secret in parts().config.secrets]
    return any(hmac.compare_digest(each.encode(), given.encode()) for each in right)


def digest_under(secret: str, text: str) -> str:
    """The same under a given secret."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
