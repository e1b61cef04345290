"""What nodes say to each other during an election, and the values they say it about."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple


@lru_cache(maxsize=1024)
def natural_order(node: str) -> tuple[str | int, ...]:
    """node-10 comes after node-9."""
    return tuple(int(part) if part.isdigit() else part for part in re.split(r"(\d+)", node))


@dataclass(frozen=True, slots=True)
class Member:
    """A node that could lead; the heavier, then the higher name, the stronger."""

    node: str
    weight: int = 1

    def outranks(self, other: "Member") -> bool:
        return strength(self) > strength(other)


def strength(member: Member) -> tuple[int, tuple[str | int, ...]]:
    return member.weight, natural_order(member.node)


@dataclass(frozen=True, slots=True)
class Condition:
    """Whether this node may lead, and what people want to know about it."""

    is_fit: bool = True
    reason: str = ""
    load: float = 0.0
    clock_offset_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class ElectionCall:
    """Bully: is anyone stronger than me there?"""

    request: str
    caller: Member
    is_forced: bool


@dataclass(frozen=True, slots=True)
class Ok:
    """Bully: yes, and I take over the election."""

    request: str


@dataclass(frozen=True, slots=True)
class Decline:
    """I do not stand; the same as no answer, but faster and with a reason."""

    request: str
    reason: str


class TokenId(NamedTuple):
    """Rises with every token of its initiator, over its restarts too."""

    initiator: str
    incarnation: int
    number: int


@dataclass(frozen=True, slots=True)
class RollCall:
    member: Member
    condition: Condition
    epoch: int


@dataclass(frozen=True, slots=True)
class RingToken:
    """Ring: collects everyone on its way round."""

    token: TokenId
    roll: tuple[RollCall, ...]
    is_forced: bool
    is_audit: bool


@dataclass(frozen=True, slots=True)
class TokenReceipt:
    token: TokenId


@dataclass(frozen=True, slots=True)
class HopReport:
    """Ring audit: how long the token took to the next node, and who did not answer before."""

    token: TokenId
    sender: str
    receiver: str
    round_trip_seconds: float
    skipped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Nomination:
    """Ring: you are the strongest of the roll: take the lease."""

    token: TokenId
    is_forced: bool


@dataclass(frozen=True, slots=True)
class Coordinator:
    """Look at the lease: this node leads. Never believed by itself."""

    node: str
    epoch: int
    rides_ring: bool


@dataclass(frozen=True, slots=True)
class YieldRequest:
    """A forced election was won: leader of this epoch, please hand over to me."""

    epoch: int


@dataclass(frozen=True, slots=True)
class HandOver:
    """The lease of this epoch is released; `to` tries first, the others give it a moment."""

    epoch: int
    to: str


BullyMessage = ElectionCall | Ok | Decline
RingMessage = RingToken | TokenReceipt | HopReport | Nomination
ElectionMessage = BullyMessage | RingMessage | Coordinator | YieldRequest | HandOver
