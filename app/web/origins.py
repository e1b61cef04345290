"""Where a request comes from, as it may be counted and kept: a digest, and how many people it may be."""

from __future__ import annotations

import ipaddress
from functools import cache

from flask import g, has_request_context, request

from app.accounts.actions import Door
from app.config import Config
from app.web.api.request_keys import digest_under, keyed_digest
from app.web.parts import parts

DIGEST_CHARACTERS = 32
#: One household, or one attacker, has a whole /64 (RFC 6177).
IPV6_PREFIX = 64
BROWSERS = (
    ("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)  # fmt: skip
SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
    ("Mac OS", "macOS"), ("Linux", "Linux"),
)  # fmt: skip


def origin() -> str:
    """Equal for equal addresses, and no way back to the address without our secret."""
    if "origin" not in g:
        g.origin = origin_of(parts().config.secret_key, request.remote_addr)
    found: str = g.origin
    return found


def origin_of(secret: str, address: str | None) -> str:
    """The same for a given address."""
    return digest_under(secret, f"origin:{_counted(address or '')}")[:DIGEST_CHARACTERS]


def origin_of_request() -> str | None:
    """The same, and None where nobody asks: demo data, tests of what lies below."""
    return origin() if has_request_context() else None


def crowd() -> int:
    """How many times the limits of one address hold for this one."""
    return crowd_at(parts().config, request.remote_addr)


def crowd_at(config: Config, address: str | None) -> int:
    """The same for a given address."""
    return config.shared_address_factor if _is_shared(address or "", config.shared_addresses) else 1


def account_digest(email: str) -> str:
    """What tries at an account are counted under, whether it exists or not."""
    return keyed_digest(f"account:{email}")[:DIGEST_CHARACTERS]


def door(*, is_browser: bool = False) -> Door:
    return Door(origin(), crowd(), _device(), is_browser)


def _counted(address: str) -> str:
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(known, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(known), IPV6_PREFIX), strict=False))
    return str(known)


def _is_shared(address: str, networks: str) -> bool:
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(known in network for network in _networks(networks))


@cache
def _networks(given: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(part.strip()) for part in given.split(",") if part.strip())


def _device() -> str:
    """As much of the program's name as its owner needs to recognise it, and no fingerprint."""
    agent = request.headers.get("User-Agent", "")
    browser = next((name for mark, name in BROWSERS if mark in agent), None)
    system = next((name for mark, name in SYSTEMS if mark in agent), None)
    return " on ".join(filter(None, (browser or "A program", system)))
