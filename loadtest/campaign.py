"""Many blows under one fault, the evidence afterwards, and the table that shows both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

from loadtest.bookers import Success, success_of
from loadtest.copies import Quiet
from loadtest.history import Entry, Outcome
from loadtest.report import percentile, shown_faults, table
from loadtest.strikes import BLOWS, Round
from loadtest.terms import Leadership
from loadtest.verdict import Evidence

#: The promise: p99 of the way to a new leader, and of a planned hand-over.
PROMISED_SECONDS = {"kill": 8.0, "stop": 8.0, "term": 1.0}
#: Of the calls, repeats counted, and of the wishes in the end.
PROMISED_SUCCESS = 0.99


@dataclass(slots=True)
class Campaign:
    """All rounds under one fault and the evidence afterwards."""

    fault: str
    rounds: list[Round] = field(default_factory=list)
    success: Success = field(default_factory=lambda: Success(0, 0, 0, 0))
    evidence: Evidence | None = None
    leadership: Leadership | None = None
    quiet: Quiet | None = None
    #: What the people who booked wrote down.
    entries: Sequence[Entry] = ()

    @property
    def faults(self) -> list[str]:
        found = [
            f"no new leader within {r.seconds:.0f} s of {r.blow} {r.old.node}"
            for r in self.rounds
            if not r.new
        ]
        found += [
            f"{r.old.node} woke in epoch {r.old.epoch} and no refusal was shown"
            for r in self.rounds
            if r.was_fenced is False
        ]
        found += self._late + self._unsuccessful
        found += self.evidence.faults if self.evidence else ["no evidence was gathered"]
        found += self.quiet.faults if self.quiet else ["no copy was compared"]
        return [*found, *(self.leadership.faults if self.leadership else ["no term was judged"])]

    @property
    def _late(self) -> list[str]:
        worst = {blow: percentile([r.seconds for r in self.struck_by(blow)], 0.99) for blow in self.blows}
        return [
            f"p99 after {blow} is {seconds:.2f} s, promised are {PROMISED_SECONDS[blow]:g} s"
            for blow, seconds in worst.items()
            if seconds > PROMISED_SECONDS[blow]
        ]

    @property
    def _unsuccessful(self) -> list[str]:
        success = self.success
        found = []
        if success.call_share < PROMISED_SUCCESS:
            found.append(f"only {success.call_share:.2%} of the calls were answered")
        if success.wish_share < PROMISED_SUCCESS:
            found.append(f"only {success.wish_share:.2%} of the wishes were decided")
        return found

    @property
    def blows(self) -> list[str]:
        return [blow for blow in BLOWS if self.struck_by(blow)]

    def struck_by(self, blow: str) -> list[Round]:
        return [each for each in self.rounds if each.blow == blow]

    def success_after(self, blow: str) -> Success:
        """Of the calls from each such blow until the next one of any kind."""
        return success_of([entry for entry in self.entries if self._last_blow(entry.t_inv) == blow])

    def _last_blow(self, moment: float) -> str | None:
        earlier = [r for r in self.rounds if r.struck_at <= moment]
        return earlier[-1].blow if earlier else None


def report(campaign: Campaign) -> str:
    heads = ["blow", "times", "p50 s", "p99 s", "max s", "promised s", "refused after waking"]
    heads += ["calls", "answered", "wishes decided"]
    success = campaign.success
    return "\n".join(
        [
            f"fault meanwhile: {campaign.fault}",
            table(heads, [_row(campaign, blow) for blow in campaign.blows]),
            f"bookings: {success.call_share:.2%} of {success.calls} calls answered, "
            f"{success.wish_share:.2%} of {success.wishes} wishes decided",
            f"calls without an answer: {_lost(campaign)}",
            str(campaign.leadership),
            str(campaign.evidence),
            f"double bookings: {campaign.evidence.double_bookings if campaign.evidence else 'not counted'}",
            f"copies of the slots: {campaign.quiet}",
            *shown_faults(campaign.faults),
        ]
    )


def _row(campaign: Campaign, blow: str) -> list[object]:
    struck, success = campaign.struck_by(blow), campaign.success_after(blow)
    seconds = [each.seconds for each in struck]
    woken = [each for each in struck if each.was_fenced is not None]
    refused = f"{sum(bool(each.was_fenced) for each in woken)} of {len(woken)}" if woken else "-"
    shown = [percentile(seconds, 0.5), percentile(seconds, 0.99), max(seconds)]
    promised = f"{PROMISED_SECONDS[blow]:g}"
    shares = [f"{success.call_share:.2%}", f"{success.wish_share:.2%}"]
    return [blow, len(struck), *(f"{each:.2f}" for each in shown), promised, refused, success.calls, *shares]


def _lost(campaign: Campaign) -> str:
    """By what came instead, and how long after the last blow the call was sent."""
    kinds: Counter[str] = Counter()
    delays: dict[str, tuple[float, float]] = {}
    for entry in campaign.entries:
        if entry.key is None or entry.out is not Outcome.INFO:
            continue
        kind = entry.code or entry.message or "nothing was said"
        kinds[kind] += 1
        struck = max(
            (r.struck_at for r in campaign.rounds if r.struck_at <= entry.t_inv), default=entry.t_inv
        )
        least, most = delays.get(kind, (inf, 0.0))
        delays[kind] = (min(least, entry.t_inv - struck), max(most, entry.t_inv - struck))
    shown = [
        f"{count} {kind} ({delays[kind][0]:.1f} to {delays[kind][1]:.1f} s after a blow)"
        for kind, count in kinds.most_common(6)
    ]
    return "; ".join(shown) or "none"
