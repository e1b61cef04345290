"""Stamps in requests and answers: who read or changed something here and goes to another node comes after
it there.

A write's answer carries X-Causal-Stamp; a request that brings it back is after that write in every logical
clock. It is signed, because an unsigned one would let anybody push the counters of the cluster."""

from __future__ import annotations

import hashlib
import hmac

from flask import Flask, Response, request

from app.algorithms.logical_clocks import HybridStamp
from app.coordination.stamps import Stamp
from app.web.parts import parts

HEADER = "X-Causal-Stamp"
LONGEST = 200
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def install(app: Flask) -> None:
    app.before_request(_observe)
    app.after_request(_tell)


def write_stamp(secret: str, stamp: Stamp) -> str:
    node = stamp.hybrid.node
    text = f"{stamp.lamport}.{stamp.hybrid.packed}.{node}"
    return f"{text}.{_sign(secret, text)}"


def read_stamp(secret: str, header: str) -> Stamp | None:
    """The stamp, or None when it is none of ours."""
    text, _, signature = header.rpartition(".")
    if len(header) > LONGEST or not hmac.compare_digest(_sign(secret, text).encode(), signature.encode()):
        return None
    lamport, packed, node = text.split(".", 2)
    return Stamp(int(lamport), {node: int(lamport)}, HybridStamp.unpack(int(packed), node))


def _observe() -> None:
    header = request.headers.get(HEADER)
    read = (read_stamp(secret, header) for secret in parts().config.secrets) if header else ()
    stamp = next(filter(None, read), None)
    if stamp is not None:
        parts().engine.stamper.receive(stamp)


def _tell(response: Response) -> Response:
    if request.method not in SAFE_METHODS and response.status_code < 400:
        response.headers[HEADER] = write_stamp(parts().config.secret_key, parts().engine.stamper.peek())
    return response


def _sign(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), f"causal stamp\n{text}".encode(), hashlib.sha256).hexdigest()[:32]
