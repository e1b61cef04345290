"""What every node of the cluster knows, asked at once, for the monitor of any node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app.coordination.rpc.messages import Caller
from worker.coordinator.frame import Document, Frame
from worker.coordinator.membership import Membership

ANSWER_SECONDS = 0.4


class Survey:
    """`read_state` is the coordinator's; no secrets, no patient data are in it."""

    def __init__(self, frame: Frame, members: Membership, read_state: Callable[[], Document]) -> None:
        self._frame = frame
        self._members = members
        self._read_state = read_state
        frame.methods.expose("survey.sight", None, self._show)
        frame.methods.expose("survey.read", None, self._ask_all, is_in_loop=False)

    def sight(self) -> Document:
        """What this node knows of itself and the others."""
        state, stamp = self._read_state(), self._frame.stamper.peek()
        election = {name: value for name, value in state["election"].items() if name != "log"}
        return {**state, "election": election, "stamp": {**stamp.document(), "text": str(stamp.hybrid)}}

    def _show(self, _payload: None, _caller: Caller) -> Document:
        # The curves are what the asking node saw itself.
        return {**self.sight(), "history": {}}

    def _ask_all(self, _payload: None, caller: Caller) -> dict[str, Any]:
        """In the thread of the call, because it waits for the others."""
        seconds = caller.deadline - self._frame.clock.elapsed()
        own, live = self._frame.loop.ask(lambda: (self.sight(), sorted(self._members.live())), seconds)
        others = self._frame.client.call_all(live, "survey.sight", None, ANSWER_SECONDS)
        return {self._frame.node: own, **others}
