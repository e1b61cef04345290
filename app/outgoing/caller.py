"""Sends a request to an address that somebody typed, without letting that somebody use us as their hands.

The name is resolved once and the connection goes to the address that was checked, so a name that points
elsewhere a moment later (DNS rebinding) changes nothing. Redirects are answers, never followed; no proxy of
the environment is used; the whole exchange has one deadline, and of the answer only its beginning is read."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache

from app.outgoing.addresses import Address, Allowed, is_allowed, is_public
from app.outgoing.targets import USUAL_PORTS, ForbiddenTarget, Target, parse_target

#: From the first lookup to the last byte.
DEADLINE_SECONDS = 8.0
MOST_READ_BYTES = 16 * 1024
Resolve = Callable[[str, int], Sequence[str]]


class NotReached(Exception):
    """No answer came, or none that is HTTP; says why, without the receiver's words."""


@dataclass(frozen=True)
class Reply:
    status: int

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


def look_up(host: str, port: int) -> list[str]:
    """The addresses of a name. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


@dataclass(frozen=True)
class Caller:
    """Calls out under the operator's rules. Built once per process."""

    #: What may be called although it is not public.
    allowed: tuple[Allowed, ...] = ()
    #: http:// as well; for development.
    may_be_plain: bool = False
    deadline_seconds: float = DEADLINE_SECONDS
    resolve: Resolve = look_up
    #: One for all callers of a process: reading the system's authorities takes 50 ms.
    tls: ssl.SSLContext = field(default_factory=cache(ssl.create_default_context))

    def check(self, url: str) -> None:
        """Whether the URL could be called as things are. Raises ForbiddenTarget."""
        target = parse_target(url, may_be_plain=self.may_be_plain)
        try:
            self._checked_address(target, time.monotonic() + self.deadline_seconds)
        except NotReached as error:
            raise ForbiddenTarget(str(error)) from error

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Send it and return the status. Raises ForbiddenTarget, NotReached."""
        until = time.monotonic() + self.deadline_seconds
        target = parse_target(url, may_be_plain=self.may_be_plain)
        address = self._checked_address(target, until)
        connection = _Connection(target, address, self.tls, until)
        watch = threading.Timer(max(0.0, until - time.monotonic()), connection.cut)
        watch.daemon = True
        watch.start()
        try:
            connection.request("POST", target.resource, body, {"Host": target.host_header, **headers})
            reply = connection.getresponse()
            with suppress(OSError, http.client.HTTPException):
                reply.read(MOST_READ_BYTES)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NotReached("no answer in time" if connection.was_cut else _reason(error)) from error
        finally:
            watch.cancel()
            connection.close()
        if connection.was_cut:
            raise NotReached("no answer in time")
        return Reply(reply.status)

    def _checked_address(self, target: Target, until: float) -> Address:
        """The first address of the name, once all of them are found harmless."""
        addresses = [ipaddress.ip_address(each.partition("%")[0]) for each in self._resolved(target, until)]
        if not addresses:
            raise NotReached("the host name has no address")
        for address in addresses:
            if is_allowed(address, target.port, self.allowed):
                continue
            if not is_public(address):
                raise ForbiddenTarget("it leads to an address that is not public")
            if target.port not in USUAL_PORTS:
                raise ForbiddenTarget(f"port {target.port} is none that web servers use")
        return addresses[0]

    def _resolved(self, target: Target, until: float) -> Sequence[str]:
        """In a thread of its own: a name server that hangs must not hold up more than this call."""
        found: list[Sequence[str]] = []

        def look() -> None:
            with suppress(OSError, UnicodeError):
                found.append(self.resolve(target.host, target.port))

        thread = threading.Thread(target=look, daemon=True, name="resolve")
        thread.start()
        thread.join(max(0.0, until - time.monotonic()))
        if not found:
            raise NotReached("the host name is not known")
        return found[0]


class _Connection(http.client.HTTPConnection):
    """To one checked address; by TLS the certificate must still be the name's."""

    def __init__(self, target: Target, address: Address, tls: ssl.SSLContext, until: float) -> None:
        super().__init__(target.host, target.port)
        self._address = address
        self._tls = tls if target.scheme == "https" else None
        self._until = until
        self.was_cut = False

    def connect(self) -> None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.sock = socket.create_connection((str(self._address), self.port), timeout=left)
        if self.was_cut:
            raise TimeoutError
        if self._tls is not None:
            # The handshake apart, so that cut() finds the socket it goes over.
            self.sock = self._tls.wrap_socket(
                self.sock, server_hostname=self.host, do_handshake_on_connect=False
            )
            self.sock.do_handshake()

    def cut(self) -> None:
        """End the exchange, whatever comes: a timeout per read would let a drip go on for ever."""
        self.was_cut = True
        with suppress(OSError, TypeError):  # no socket yet: then connect() sees that it was cut
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate cannot be trusted"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return f"the connection failed: {type(error).__name__}"
