"""A URL that somebody typed, taken apart strictly: what cannot be read in one way only is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

LONGEST_URL = 500
STANDARD_PORTS = {"https": 443, "http": 80}
#: Where web servers listen. Others, such as 25 or 6379, speak what a request could be smuggled into.
USUAL_PORTS = frozenset({80, 443, 8080, 8443})
HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\.?|[0-9A-Fa-f:.]+")


class ForbiddenTarget(Exception):
    """We do not call this address; says why."""


@dataclass(frozen=True)
class Target:
    """Where a request goes."""

    scheme: str
    host: str
    port: int
    #: Path and query.
    resource: str

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == STANDARD_PORTS[self.scheme] else f"{host}:{self.port}"


def parse_target(url: str, *, may_be_plain: bool) -> Target:
    """Raises ForbiddenTarget for what is no https URL, or no http one where that is allowed."""
    if len(url) > LONGEST_URL:
        raise ForbiddenTarget(f"it is longer than {LONGEST_URL} characters")
    # urlsplit removes line ends and tabs without a word.
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise ForbiddenTarget("it holds characters that no URL has")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ForbiddenTarget("it cannot be read as a URL") from None
    if parts.scheme not in STANDARD_PORTS or (parts.scheme == "http" and not may_be_plain):
        raise ForbiddenTarget("it must begin with https://")
    if parts.username is not None or parts.password is not None:
        raise ForbiddenTarget("it must not hold a user or a password")
    if "#" in url:
        raise ForbiddenTarget("it must not hold a fragment (#)")
    if not parts.hostname or not HOST.fullmatch(parts.hostname):
        raise ForbiddenTarget("there is no host name in it")
    if port == 0:
        raise ForbiddenTarget("port 0 is none")
    resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, parts.hostname, port or STANDARD_PORTS[parts.scheme], resource)
