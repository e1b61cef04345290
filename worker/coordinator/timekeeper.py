"""The leader's Berkeley rounds: ask every clock, average the honest ones, tell everybody their correction."""

from __future__ import annotations

from dataclasses import replace

from app.algorithms.time_sync import berkeley
from app.coordination.leadership import Term
from app.coordination.rpc.errors import CallRefused
from app.coordination.rpc.messages import Caller
from worker.coordinator.clocks import BerkeleyRound, Clocks
from worker.coordinator.election import Election
from worker.coordinator.frame import Document, Duty, Frame
from worker.coordinator.membership import Membership

ROUND_SECONDS = 30.0
QUESTIONS = 3
ANSWER_SECONDS = 0.5


class Timekeeper(Duty):
    name, every_seconds = "timekeeper", 1.0

    def __init__(self, frame: Frame, members: Membership, election: Election, clocks: Clocks) -> None:
        self._frame = frame
        self._members = members
        self._election = election
        self._clocks = clocks
        self._background = frame.background("timekeeper")
        self._next_at = float("-inf")
        self._rounds = 0
        frame.methods.expose("timekeeper.round", None, self._answer_round, is_in_loop=False)

    def tick(self, now: float) -> None:
        term = self._election.term(now)
        if term is None or now < self._next_at or self._background.waiting:
            return
        self._next_at = now + ROUND_SECONDS
        live = sorted(self._members.live())
        self._background.submit(lambda: self.ask_all(term, live), self.finish)

    def document(self, now: float) -> Document:
        return {"rounds": self._rounds}

    def ask_all(self, term: Term, live: list[str]) -> BerkeleyRound:
        """One round; blocks for the answers. Every answered call leaves a measurement at the client."""
        answered = set(live)
        for _ in range(QUESTIONS):
            answered &= self._frame.client.call_all(live, "clocks.read", None, ANSWER_SECONDS).keys()
        measured = self._frame.client.clocks.intervals(self._frame.clock.elapsed())
        offsets = {node: measured[node].centre for node in sorted(answered) if node in measured}
        found = berkeley({**offsets, self._frame.node: 0.0})
        return BerkeleyRound(
            number=0,
            at=self._frame.instant(),
            leader=term.node,
            epoch=term.epoch,
            offsets={**offsets, self._frame.node: 0.0},
            average=found.average,
            outliers=sorted(found.outliers),
            corrections=found.corrections,
        )

    def finish(self, found: BerkeleyRound) -> BerkeleyRound:
        """Apply the round here and tell it to all who took part."""
        self._rounds += 1
        found = replace(found, number=self._rounds)
        self._clocks.apply(found)
        for node in found.offsets:
            if node != self._frame.node:
                self._frame.client.tell(node, "clocks.adjust", found)
        if found.outliers:
            names = ", ".join(found.outliers)
            self._frame.chronicle.noticed("clock.outliers", f"left out of the average: {names}", found.epoch)
        return found

    def _answer_round(self, _payload: None, caller: Caller) -> BerkeleyRound:
        """The operator wants a round now. Runs in the thread of the call."""
        loop, clock = self._frame.loop, self._frame.clock
        seconds = caller.deadline - clock.elapsed()
        term = loop.ask(lambda: self._election.term(clock.elapsed()), seconds)
        if term is None:
            raise CallRefused("NOT_LEADER", f"{self._frame.node} does not lead")
        live = loop.ask(lambda: sorted(self._members.live()), seconds)
        found = self.ask_all(term, live)
        return loop.ask(lambda: self.finish(found), max(caller.deadline - clock.elapsed(), 0.05))
