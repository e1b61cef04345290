"""Which network addresses may be called: public ones, and what the operator allowed by name.

OWASP "SSRF prevention", case 2: everything that is not plainly public is refused, each address for what it is
and not by the name that led to it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Self

Address = IPv4Address | IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
#: Public by their number, and still no business of ours.
NOT_FOR_US = tuple(
    map(
        ipaddress.ip_network,
        (
            "192.0.0.0/24",  # protocols; Oracle's cloud answers at 192.0.0.192
            "168.63.129.16/32",  # Azure's wire server
            "192.88.99.0/24",  # 6to4 relays
            "2001::/23",  # Teredo and other protocols; some carry an IPv4 address
            "2001:db8::/32",
            "2002::/16",  # 6to4 carries an IPv4 address
            "3fff::/20",
        ),
    )
)
#: All that was ever given out as public; mapped, translated (NAT64) and site-local addresses lie outside.
GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")


@dataclass(frozen=True)
class Allowed:
    """A network that may be called although it is not public; without a port, at any port."""

    network: Network
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Of 10.0.0.5, 10.0.0.0/24, 10.0.0.5:9000 or [fd00::1]:9000. Raises ValueError."""
        host, port = text.strip(), None
        if host.startswith("["):
            host, end, rest = host[1:].partition("]")
            port = int(rest.removeprefix(":")) if rest or not end else None
        elif host.count(":") == 1:
            host, _, rest = host.partition(":")
            port = int(rest)
        return cls(ipaddress.ip_network(host), port)

    def holds(self, address: Address, port: int) -> bool:
        return address in self.network and self.port in (None, port)


def parse_allowed(text: str) -> tuple[Allowed, ...]:
    """Of several, with commas between them. Raises ValueError."""
    return tuple(Allowed.parse(part) for part in text.split(",") if part.strip())


def is_allowed(address: Address, port: int, allowed: Iterable[Allowed]) -> bool:
    return any(each.holds(address, port) for each in allowed)


def is_public(address: Address) -> bool:
    """Whether anybody's program on the Internet could call it too."""
    if any(address in network for network in NOT_FOR_US if network.version == address.version):
        return False
    if isinstance(address, IPv6Address):
        return address in GLOBAL_UNICAST and address.is_global
    return address.is_global and not (address.is_multicast or address.is_reserved)
