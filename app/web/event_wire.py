"""A reader's connection after the server has let go of it: written to at once, by whoever has news.

A stream that waits in a greenlet of its own costs 28 kB and a switch per event; so written, a thousand
streams cost a thousand short writes. Only gunicorn lends its connections (`gunicorn.socket`)."""

from __future__ import annotations

import errno
import os
import ssl
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

LAST_CHUNK = b"0\r\n\r\n"


class LetGo(OSError):
    """Raised in the body of an answer: the server forgets the connection, as if its reader had gone."""

    def __init__(self) -> None:
        super().__init__(errno.ENOTCONN, "the connection was handed over")


class Wire:
    """Takes the place of the server: what it began to send in chunks goes on in chunks."""

    def __init__(self, descriptor: int, *, is_chunked: bool) -> None:
        self._descriptor: int | None = os.dup(descriptor)
        self._is_chunked = is_chunked
        os.set_blocking(self._descriptor, False)

    @classmethod
    def of(cls, environ: Mapping[str, Any]) -> Wire | None:
        """The connection of this request; None where the server has to keep it."""
        connection, protocol = environ.get("gunicorn.socket"), environ.get("SERVER_PROTOCOL")
        if connection is None or isinstance(connection, ssl.SSLSocket):
            return None
        if protocol not in ("HTTP/1.0", "HTTP/1.1"):
            return None
        return cls(connection.fileno(), is_chunked=protocol == "HTTP/1.1")

    def send(self, text: bytes) -> bool:
        """Without waiting. False when the reader has gone or does not keep up: then its connection is closed,
        and when it comes back it is asked to look again."""
        return self._write(_chunk(text) if self._is_chunked else text)

    def end(self) -> None:
        """The answer is complete."""
        if self._is_chunked:
            self._write(LAST_CHUNK)
        self._close()

    def _write(self, text: bytes) -> bool:
        if self._descriptor is None:
            return False
        try:
            is_whole = os.write(self._descriptor, text) == len(text)
        except OSError:
            is_whole = False
        if not is_whole:
            self._close()
        return is_whole

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None  # closed, the number may be another's
        if descriptor is not None:
            os.close(descriptor)


@lru_cache(maxsize=256)
def _chunk(text: bytes) -> bytes:
    return b"%X\r\n%s\r\n" % (len(text), text)
