"""The messages of the pure cores as JSON and back, each under the name of its class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar, get_args

from pydantic import TypeAdapter, ValidationError

from app.algorithms.election_messages import (
    Coordinator,
    Decline,
    ElectionCall,
    ElectionMessage,
    HandOver,
    HopReport,
    Nomination,
    Ok,
    RingToken,
    TokenId,
    TokenReceipt,
    YieldRequest,
)
from app.algorithms.failure_detector import DetectorMessage
from app.coordination.rpc.errors import CallRefused

Message = TypeVar("Message")


@dataclass(frozen=True)
class Spoken:
    """A core's message as it travels."""

    kind: str
    body: dict[str, Any]


class Codec(Generic[Message]):
    def __init__(self, kinds: Any) -> None:
        self._adapters = {kind.__name__: TypeAdapter(kind) for kind in get_args(kinds)}

    def encode(self, message: Message) -> Spoken:
        kind = type(message).__name__
        return Spoken(kind, self._adapters[kind].dump_python(message, mode="json"))

    def decode(self, spoken: Spoken) -> Message:
        """Raises CallRefused for what is no message of this core."""
        adapter = self._adapters.get(spoken.kind)
        if adapter is None:
            raise CallRefused("INVALID", f"no message is called {spoken.kind[:40]}")
        try:
            message: Message = adapter.validate_python(spoken.body)
        except ValidationError:
            raise CallRefused("INVALID", f"this is no {spoken.kind}") from None
        return message


DETECTOR: Codec[DetectorMessage] = Codec(DetectorMessage)
ELECTION: Codec[ElectionMessage] = Codec(ElectionMessage)

#: The words of the textbooks, for people who read the log.
_NAMES = {
    ElectionCall: "ELECTION",
    Ok: "OK",
    Decline: "DECLINE",
    Coordinator: "COORDINATOR",
    RingToken: "TOKEN",
    TokenReceipt: "RECEIPT",
    HopReport: "HOP",
    Nomination: "NOMINATION",
    YieldRequest: "YIELD",
    HandOver: "HAND-OVER",
}


def name_of(message: ElectionMessage) -> str:
    return _NAMES[type(message)]


def election_of(message: ElectionMessage, sender: str, receiver: str) -> str | None:
    """The election a message belongs to; the same at both ends."""
    match message:
        case ElectionCall(request):
            return f"bully-{sender}-{request}"
        case Ok(request) | Decline(request):
            return f"bully-{receiver}-{request}"
        case RingToken(token) | TokenReceipt(token) | HopReport(token) | Nomination(token):
            return ring_election(token)
        case _:
            return None


def ring_election(token: TokenId) -> str:
    return f"ring-{token.initiator}-{token.incarnation}.{token.number}"


def text_of(message: ElectionMessage) -> str:
    """What the message says, in a few words."""
    match message:
        case ElectionCall(caller=caller, is_forced=is_forced):
            return f"is anyone stronger than {caller.node}?" + (" (forced)" if is_forced else "")
        case Ok():
            return "yes, I take over"
        case Decline(reason=reason):
            return reason
        case RingToken(roll=roll, is_audit=is_audit):
            met = ", ".join(call.member.node for call in roll)
            return f"{'link audit; ' if is_audit else ''}has met {met}"
        case HopReport(receiver=to, round_trip_seconds=seconds):
            return f"{round(seconds * 1000)} ms to {to}"
        case Nomination():
            return "you are the strongest of the roll"
        case Coordinator(node, epoch):
            return f"{node} leads in epoch {epoch}"
        case YieldRequest(epoch):
            return f"please hand epoch {epoch} over"
        case HandOver(epoch, to):
            return f"epoch {epoch} has ended, {to} goes first"
        case _:
            return "received"


def epoch_of(message: ElectionMessage) -> int:
    return int(getattr(message, "epoch", 0))
