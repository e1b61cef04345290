"""Hand a token to the next node of the ring that confirms it, skipping those that do not.

Which links were tried, how long a hop took and who was skipped is what a link audit reports."""

from dataclasses import dataclass

from app.algorithms.election import ElectionEffect, View
from app.algorithms.election_messages import HopReport, RingToken, TokenId, natural_order
from app.algorithms.steps import Log, Send, StartTimer, StopTimer

HOP_TIMER = "ring/hop/"  # and the initiator's name


def successors(view: View) -> list[str]:
    """The others in ring order, beginning after this node."""
    here = natural_order(view.me.node)
    names = sorted((member.node for member in view.members), key=natural_order)
    after = [node for node in names if natural_order(node) > here]
    return after + names[: len(names) - len(after)]


@dataclass(frozen=True, slots=True)
class Hop:
    """A token handed on and not yet confirmed."""

    token: RingToken
    to: str
    sent_at: float
    skipped: tuple[str, ...]


class RingLinks:
    def __init__(self, hop_seconds: float) -> None:
        self._hop_seconds = hop_seconds
        self._hops: dict[str, Hop] = {}  # by initiator: a newer token of his replaces the older

    def hand_on(
        self, view: View, token: RingToken, now: float, skipped: tuple[str, ...] = ()
    ) -> list[ElectionEffect]:
        """Nothing when nobody is left to hand it to: beyond the initiator everyone has seen it."""
        initiator = token.token.initiator
        for node in successors(view):
            if node not in skipped:
                self._hops[initiator] = Hop(token, node, now, skipped)
                return [Send(node, token), StartTimer(HOP_TIMER + initiator, self._hop_seconds)]
            if node == initiator:
                break
        return []

    def confirm(self, view: View, sender: str, token_id: TokenId, now: float) -> list[ElectionEffect]:
        initiator = token_id.initiator
        hop = self._hops.get(initiator)
        if hop is None or hop.token.token != token_id or hop.to != sender:
            return []
        del self._hops[initiator]
        effects: list[ElectionEffect] = [StopTimer(HOP_TIMER + initiator)]
        if hop.token.is_audit:
            report = HopReport(token_id, view.me.node, sender, now - hop.sent_at, hop.skipped)
            effects.append(hop_log(report) if initiator == view.me.node else Send(initiator, report))
        return effects

    def take_unconfirmed(self, initiator: str, to: str | None = None) -> Hop | None:
        """The hop that failed: the one under way, or None if it was confirmed or went to another node."""
        hop = self._hops.get(initiator)
        if hop is None or (to is not None and to != hop.to):
            return None
        return self._hops.pop(initiator)


def hop_log(report: HopReport) -> Log:
    skipped = f", {', '.join(report.skipped)} did not answer" if report.skipped else ""
    milliseconds = round(report.round_trip_seconds * 1000)
    return Log("ring.hop", f"{report.sender} to {report.receiver}: {milliseconds} ms{skipped}")
