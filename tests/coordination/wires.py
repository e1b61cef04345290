"""Processes that call each other without a network: letters go straight to the other's desk, or do not."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from app.clock import ManualClock
from app.coordination.rpc.client import Client
from app.coordination.rpc.desk import Desk
from app.coordination.rpc.errors import NoAnswer, Unreachable
from app.coordination.rpc.methods import Methods
from app.coordination.rpc.peers import AddressBook, Peer
from app.coordination.rpc.seal import Letter, Seal
from app.coordination.stamps import Stamper

SECRET = "a secret of at least thirty-two characters"
START = datetime(2030, 1, 7, 9, tzinfo=UTC)


class NoDatabase:
    """Stamps of messages never ask it."""

    def run(self, work):
        raise AssertionError("a message needs no database")


class Wires:
    """The network between desks. `tamper` may change, delay or lose a letter on its way there or back."""

    def __init__(self) -> None:
        self.desks: dict[str, Desk] = {}
        self.carried: list[Letter] = []
        self.lost_calls = self.lost_replies = 0
        self.on_the_way: Callable[[Letter], Letter] = lambda letter: letter
        self.on_the_way_back: Callable[[Letter], Letter] = lambda letter: letter

    def exchange(self, peer: Peer, letter: Letter, seconds: float) -> Letter:
        if peer.node not in self.desks:
            raise Unreachable(f"{peer.node} does not listen")
        letter = self.on_the_way(letter)
        self.carried.append(letter)
        if self.lost_calls:
            self.lost_calls -= 1
            raise NoAnswer("lost on the way")
        _status, reply = self.desks[peer.node].answer(letter)
        if self.lost_replies:
            self.lost_replies -= 1
            raise NoAnswer("the reply was lost")
        if reply is None:
            raise NoAnswer("no word")
        return self.on_the_way_back(reply)


class Process:
    """A node's desk and client; its clock may be wrong."""

    def __init__(self, wires: Wires, node: str, skew_seconds: float = 0.0) -> None:
        self.node = node
        self.clock = ManualClock(START + timedelta(seconds=skew_seconds))
        self.stamper = Stamper(NoDatabase(), node, "", self.clock)
        self.methods = Methods()
        seal = Seal(SECRET, node)
        self.desk = Desk(seal, self.methods, self.stamper, self.clock)
        self.book = AddressBook()
        self.client = Client(seal, wires, self.stamper, self.clock, self.book)
        wires.desks[node] = self.desk

    def knows(self, *others: "Process") -> "Process":
        for other in others:
            self.book.note(Peer(other.node, f"http://{other.node}"))
        return self
