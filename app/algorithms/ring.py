"""The ring election: a token collects everyone on its way round, the strongest of the roll should lead.

Sources: E. Chang and R. Roberts, "An Improved Algorithm for Decentralized Extrema-Finding in Circular
Configurations of Processes", CACM 22(5), 1979 (a stronger initiator swallows weaker tokens); G. Le Lann,
"Distributed Systems: Towards a Formal Approach", 1977 (the token lists its visitors). Receipts find broken
links, and the same token serves operators as a link audit."""

from dataclasses import replace
from random import Random

from app.algorithms.election import AlgorithmEvent, Announce, Begin, ElectionEffect, Settled, View, Won
from app.algorithms.election_messages import (
    Coordinator,
    ElectionMessage,
    HopReport,
    Nomination,
    RingToken,
    RollCall,
    TokenId,
    TokenReceipt,
    strength,
)
from app.algorithms.ring_links import HOP_TIMER, Hop, RingLinks, hop_log, successors
from app.algorithms.steps import Log, Received, Send, SendFailed, StartTimer, StopTimer, TimerFired

ROUND_TIMER = "ring/round"  # for the token to return, then for the nominee to lead


class Ring:
    def __init__(
        self,
        incarnation: int,
        random: Random,
        hop_seconds: float = 0.4,
        token_seconds: float = 3.0,
        nominee_seconds: float = 2.0,
    ) -> None:
        self.is_forced = False
        self._incarnation = incarnation
        self._random = random
        self._token_seconds = token_seconds
        self._nominee_seconds = nominee_seconds
        self._links = RingLinks(hop_seconds)
        self._number = 0
        self._mine: TokenId | None = None  # under way, or answered by a nomination
        self._audit: TokenId | None = None
        self._seen: dict[str, TokenId] = {}  # by initiator; his tokens only rise
        self._nominated: dict[str, TokenId] = {}  # likewise
        self._announced = 0

    @property
    def is_running(self) -> bool:
        return self._mine is not None

    def step(self, event: AlgorithmEvent, view: View, now: float) -> list[ElectionEffect]:
        match event:
            case Begin(is_forced, is_audit):
                return self._start_round(view, is_forced, is_audit, now)
            case Received(sender, message):
                return self._receive(view, sender, message, now)
            case SendFailed(to, RingToken(token_id)):
                return self._skip(view, self._links.take_unconfirmed(token_id.initiator, to), now)
            case TimerFired(timer) if timer.startswith(HOP_TIMER):
                hop = self._links.take_unconfirmed(timer.removeprefix(HOP_TIMER))
                return self._skip(view, hop, now)
            case TimerFired(timer) if timer == ROUND_TIMER and self.is_running:
                is_over = view.has_leader or not view.condition.is_fit
                return self._stop() if is_over else self._start_round(view, False, False, now)
            case Announce(epoch):
                return self._carry(view, Coordinator(view.me.node, epoch, rides_ring=True))
            case Settled():
                return self._stop()
            case _:
                return []

    def _receive(self, view: View, sender: str, message: ElectionMessage, now: float) -> list[ElectionEffect]:
        match message:
            case RingToken(token_id):
                return [Send(sender, TokenReceipt(token_id)), *self._pass_on(view, message, now)]
            case TokenReceipt(token_id):
                return self._links.confirm(view, sender, token_id, now)
            case HopReport():
                return [hop_log(message)]
            case Nomination():
                return self._accept(view, message)
            case Coordinator(rides_ring=True):
                return self._carry(view, message)
            case _:
                return []

    def _start_round(self, view: View, is_forced: bool, is_audit: bool, now: float) -> list[ElectionEffect]:
        self._number += 1
        token_id = TokenId(view.me.node, self._incarnation, self._number)
        token = RingToken(token_id, (_roll_call(view),), is_forced, is_audit)
        log = Log("ring.started", f"{view.me.node} sends token {self._number} round", view.epoch)
        if is_audit:
            self._audit = token_id
            return [log, *self._hand_on(view, token, now)]
        self._mine, self.is_forced = token_id, is_forced
        return [log, self._wait(self._token_seconds), *self._hand_on(view, token, now)]

    def _hand_on(
        self, view: View, token: RingToken, now: float, skipped: tuple[str, ...] = ()
    ) -> list[ElectionEffect]:
        handed = self._links.hand_on(view, token, now, skipped)
        if not handed and token.token.initiator == view.me.node:
            return self._close(view, token)
        return handed

    def _skip(self, view: View, hop: Hop | None, now: float) -> list[ElectionEffect]:
        return self._hand_on(view, hop.token, now, (*hop.skipped, hop.to)) if hop else []

    def _pass_on(self, view: View, token: RingToken, now: float) -> list[ElectionEffect]:
        if token.token.initiator == view.me.node:
            return self._close(view, token)
        if not _is_newer(token.token, self._seen):
            return []  # a duplicate, or older than one already passed on
        if not token.is_audit and self._swallows(view, token):
            return [Log("ring.swallowed", f"a weaker token of {token.token.initiator}", view.epoch)]
        return self._hand_on(view, replace(token, roll=(*token.roll, _roll_call(view))), now)

    def _swallows(self, view: View, token: RingToken) -> bool:
        """A stronger initiator's own token makes this one needless, unless this one asks for more."""
        is_weaker = view.me.outranks(token.roll[0].member) and view.condition.is_fit
        return self.is_running and is_weaker and self.is_forced >= token.is_forced

    def _close(self, view: View, token: RingToken) -> list[ElectionEffect]:
        """The token is back at its initiator."""
        log = Log("ring.closed", f"the token met {', '.join(call.member.node for call in token.roll)}")
        if token.token == self._audit:
            self._audit = None
            return [log]
        if token.token != self._mine:
            return []
        best = max((call.member for call in token.roll if call.condition.is_fit), key=strength, default=None)
        if best is None:
            return [log, *self._stop()]
        if best.node == view.me.node:
            won = Won(self.is_forced)
            return [log, *self._stop(), won]
        nomination = Nomination(token.token, token.is_forced)
        return [log, Send(best.node, nomination), self._wait(self._nominee_seconds)]

    def _accept(self, view: View, nomination: Nomination) -> list[ElectionEffect]:
        is_new = _is_newer(nomination.token, self._nominated)
        return [Won(nomination.is_forced)] if is_new and view.condition.is_fit else []

    def _carry(self, view: View, coordinator: Coordinator) -> list[ElectionEffect]:
        if coordinator.epoch <= self._announced:
            return []
        self._announced = coordinator.epoch
        return [Send(node, coordinator) for node in successors(view)[:1] if node != coordinator.node]

    def _wait(self, seconds: float) -> StartTimer:
        return StartTimer(ROUND_TIMER, seconds * self._random.uniform(1.0, 1.25))

    def _stop(self) -> list[ElectionEffect]:
        if not self.is_running:
            return []
        self._mine, self.is_forced = None, False
        return [StopTimer(ROUND_TIMER)]


def _roll_call(view: View) -> RollCall:
    return RollCall(view.me, view.condition, view.epoch)


def _is_newer(token_id: TokenId, latest: dict[str, TokenId]) -> bool:
    """True once per token, and never for one older than the latest of its initiator."""
    known = latest.get(token_id.initiator)
    if known is not None and token_id <= known:
        return False
    latest[token_id.initiator] = token_id
    return True
