"""Histories made by a deliberately dumb slot are accepted; the same with one lie in them are rejected."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.check import judge
from loadtest.history import Outcome
from loadtest.slot_model import Allowances
from tests.loadtest.histories import TTL, Storyteller

STRICT = Allowances(hold_seconds=TTL)

# The effect of step n is at moment n (and holds live 9.75), so no two moments ever coincide.
LIFE = TTL - 0.25

wishes = st.lists(
    st.tuples(
        st.sampled_from(["hold", "book", "extend", "confirm", "release", "cancel"]),
        st.integers(0, 4),  # which of the latest bookings it is about
        st.floats(0, 3),  # how long before the effect the call began
        st.floats(0, 3),  # how long after the effect the answer was read
        st.sampled_from(["answered", "answered", "answered", "answer lost", "request lost"]),
        st.integers(1, 4),  # pause since the step before
    ),
    min_size=1,
    max_size=14,
)


class DumbSlot:
    """One slot, told what to do in order; the oracle."""

    def __init__(self):
        self.owner = None
        self.deadline = None
        self.fence = 0

    def look(self, now):
        if self.deadline is not None and now > self.deadline:
            self.owner = self.deadline = None

    def claim(self, booking, now, *, is_hold):
        self.look(now)
        if self.owner is not None:
            return "SLOT_HELD" if self.deadline is not None else "SLOT_TAKEN"
        self.owner, self.deadline = booking, now + LIFE if is_hold else None
        self.fence += 1
        return None

    def change(self, f, booking, now):
        self.look(now)
        if self.owner != booking or (f in ("extend", "release") and self.deadline is None):
            return False
        if f == "confirm":
            self.deadline = None
        elif f == "extend":
            self.deadline = now + LIFE
        else:
            self.owner = self.deadline = None
        return True


def live_through(wishes, *, is_sequential=False):
    """The history of clients whose wishes a dumb slot fulfils or refuses."""
    slot, story, bookings, now = DumbSlot(), Storyteller(), ["b0"], 0
    for f, which, before, after, luck, pause in wishes:
        now += pause
        start, end = (now - 0.1, now + 0.1) if is_sequential else (now - before, now + after)
        luck = "answered" if is_sequential else luck
        if f in ("hold", "book"):
            _claim(story, slot, bookings, f, now, start, end, luck)
        else:
            _change(story, slot, bookings[-1 - which % len(bookings)], f, now, start, end, luck)
    slot.look(now + 50)
    story.tell("read", now + 50, now + 51, booking=slot.owner)
    return story.entries


def _claim(story, slot, bookings, f, now, start, end, luck):
    booking = f"b{len(bookings)}"
    refusal = None if luck == "request lost" else slot.claim(booking, now, is_hold=f == "hold")
    if luck != "answered":
        story.unanswered(f, start)
    elif refusal is None:
        bookings.append(booking)
        story.granted(f, start, end, booking, fence=slot.fence, lives_seconds=LIFE if f == "hold" else None)
    else:
        story.refused(f, start, end, reason=refusal)


def _change(story, slot, booking, f, now, start, end, luck):
    is_done = luck != "request lost" and slot.change(f, booking, now)
    if luck != "answered":
        story.unanswered(f, start, booking)
    elif is_done:
        story.granted(f, start, end, booking, lives_seconds=LIFE if f == "extend" else None)
    elif not (f in ("extend", "release") and slot.owner == booking):
        story.refused(f, start, end, booking, code="HOLD_EXPIRED")


@settings(deadline=None, max_examples=200)
@given(wishes)
def test_every_history_of_a_correct_slot_is_accepted(wishes):
    entries = live_through(wishes)

    verdict = judge(entries, STRICT)

    assert verdict.violations == ()


@settings(deadline=None, max_examples=200)
@given(wishes, st.data())
def test_a_history_with_one_lie_about_an_outcome_is_rejected(wishes, data):
    entries = live_through(wishes, is_sequential=True)
    index = data.draw(st.integers(0, len(entries) - 1))

    entries[index] = lie_about(entries[index])

    assert not judge(entries, STRICT).is_good


def lie_about(entry):
    if entry.f == "read":
        return replace(entry, booking=None if entry.booking else "b-invented")
    if entry.out is Outcome.FAIL and entry.f in ("release", "extend"):
        return replace(entry, f="confirm", out=Outcome.OK)
    if entry.out is Outcome.FAIL:
        return replace(entry, out=Outcome.OK, code=None, reason=None, booking=entry.booking or "b-invented")
    code = "BOOKING_CONFLICT" if entry.f in ("hold", "book") else "HOLD_EXPIRED"
    return replace(entry, out=Outcome.FAIL, code=code)


@settings(deadline=None, max_examples=50)
@given(st.integers(2, 7), st.data())
def test_a_history_with_two_fences_swapped_is_rejected(claims, data):
    hold_and_release = [("hold", 0, 0, 0, "answered", 1), ("release", 0, 0, 0, "answered", 1)]
    entries = live_through(hold_and_release * claims, is_sequential=True)
    first, second = data.draw(st.permutations(range(0, 2 * claims, 2)))[:2]

    fences = {first: entries[second].fence, second: entries[first].fence}
    entries = [replace(entry, fence=fences.get(i, entry.fence)) for i, entry in enumerate(entries)]

    assert "fences rise" in [violation.promise for violation in judge(entries, STRICT).violations]
