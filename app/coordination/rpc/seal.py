"""Who says so: HMAC-SHA256 over method, path, body, node, time and nonce, under a key per node.

A node's key is derived from the installation's secret, so that what was learned from one node's messages
speaks for that node only. A message counts once, within thirty seconds, at the receiver it names, in its
present life."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WINDOW_SECONDS = 30.0
NODE, TIME, NONCE, SIGNATURE = "X-Oneslot-Node", "X-Oneslot-Time", "X-Oneslot-Nonce", "X-Oneslot-Signature"
CALL, REPLY = "POST", "REPLY"
MOST_NONCES = 100_000


class Forged(Exception):
    """The message is not from whom it says, or was heard before."""


class Untimely(Exception):
    """The message is genuine but too old, or from a clock too far from ours."""


@dataclass(frozen=True)
class Letter:
    """A sealed message as a transport carries it."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class Seal:
    """Seals letters as one node and checks the seals of all. `secret` is the installation's; seals under the
    earlier ones are right too, while a new one goes from node to node."""

    def __init__(self, secret: str, node: str, earlier: Sequence[str] = ()) -> None:
        self.node = node
        self._secrets = [each.encode() for each in (secret, *earlier)]
        self._keys: dict[tuple[bytes, str], bytes] = {}

    def seal(self, kind: str, path: str, body: bytes, sent_ms: int, nonce: str | None = None) -> Letter:
        """A reply carries its call's nonce, so that it answers nothing else."""
        nonce = nonce or secrets.token_hex(16)
        signature = self._sign(self._secrets[0], kind, path, body, self.node, str(sent_ms), nonce)
        headers = {NODE: self.node, TIME: str(sent_ms), NONCE: nonce, SIGNATURE: signature}
        return Letter(path, headers, body)

    def sender_of(self, kind: str, letter: Letter) -> str:
        """The node that sealed it. Raises Forged."""
        node, time, nonce = (letter.headers.get(name, "") for name in (NODE, TIME, NONCE))
        given = letter.headers.get(SIGNATURE, "").encode()
        for secret in self._secrets:
            expected = self._sign(secret, kind, letter.path, letter.body, node, time, nonce)
            if hmac.compare_digest(expected.encode(), given):
                return node
        raise Forged(f"the seal of {node[:40]!r} is wrong")

    def _sign(
        self, secret: bytes, kind: str, path: str, body: bytes, node: str, time: str, nonce: str
    ) -> str:
        digest = hashlib.sha256(body).hexdigest()
        text = "\n".join((kind, path, digest, node, time, nonce))
        return hmac.new(self._key_of(secret, node), text.encode(), hashlib.sha256).hexdigest()

    def _key_of(self, secret: bytes, node: str) -> bytes:
        if (secret, node) not in self._keys and len(self._keys) < 1000:
            self._keys[secret, node] = _derive(secret, node)
        return self._keys.get((secret, node)) or _derive(secret, node)


def _derive(secret: bytes, node: str) -> bytes:
    return hmac.new(secret, f"oneslot rpc\n{node}".encode(), hashlib.sha256).digest()


class Doorkeeper:
    """Lets each letter in once. `born_ms` is when this life began: what was sent before it was for
    another."""

    def __init__(self, born_ms: int) -> None:
        self._born_ms = born_ms
        self._lock = threading.Lock()
        self._heard: dict[str, int] = {}

    def admit(self, letter: Letter, now_ms: int) -> None:
        """Raises Untimely or Forged. Call it only with a letter whose seal is right."""
        sent_ms, window_ms = int(letter.headers[TIME]), int(WINDOW_SECONDS * 1000)
        if abs(now_ms - sent_ms) > window_ms or sent_ms < self._born_ms:
            raise Untimely("the message is not of this time")
        with self._lock:
            if letter.headers[NONCE] in self._heard:
                raise Forged("this message was heard before")
            if len(self._heard) >= MOST_NONCES:
                raise Untimely("too many messages within the window")
            self._heard[letter.headers[NONCE]] = sent_ms
            self._forget(now_ms - window_ms)

    def _forget(self, before_ms: int) -> None:
        """In the order they came: an odd clock among them only delays the forgetting."""
        while self._heard:
            nonce, sent_ms = next(iter(self._heard.items()))
            if sent_ms >= before_ms:
                return
            del self._heard[nonce]
