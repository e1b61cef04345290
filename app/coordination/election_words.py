"""What the messages of an election are called and say, for people who read the log."""

from __future__ import annotations

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

#: The words of the textbooks.
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
