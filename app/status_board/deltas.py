"""What one board lacks of another, as it is sent and as it is kept."""

from __future__ import annotations

from app.algorithms.gossip import Answer, Offer, Probe
from app.algorithms.registers import BoardDelta
from app.algorithms.wire import JSON, MalformedMessageError, board_gossip
from app.coordination.letters import Puzzling, close_letter, open_letter

BoardMessage = Offer | Answer[BoardDelta] | Probe


def close_delta(delta: BoardDelta) -> str:
    return close_letter(Answer(delta.upto, delta, is_asking=False))


def open_delta(letter: str) -> BoardDelta:
    """Raises Puzzling."""
    message = open_letter(letter, read_message)
    if not isinstance(message, Answer):
        raise Puzzling("this is no delta")
    return message.delta


def read_message(data: JSON) -> BoardMessage:
    """A message of the boards' gossip. Raises MalformedMessageError; one of another kind of field is one."""
    message = board_gossip(data)
    if not isinstance(message, Offer | Answer | Probe):
        raise MalformedMessageError("boards send no single writes")
    return message
