"""One look for many: shared, but never older than the question."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from app.booking import glance as module
from app.booking.actions import cancel_booking
from app.booking.errors import BookingConflict, Reason
from app.booking.glance import Glance
from app.booking.rules import SYSTEM
from app.errors import Refusal, Unavailable
from tests.booking.conftest import Desk
from tests.servers import eventually

SLOTS = (7,)


def taken() -> Refusal:
    return BookingConflict.because(Reason.SLOT_TAKEN, slot_id="7")


class SlowReads:
    """Stands for the read: each waits until it is answered, and they are counted."""

    def __init__(self) -> None:
        self.begun: list[Future[Refusal | None]] = []
        self.are_quick = False

    def __call__(self, _slot_ids: Any) -> Refusal | None:
        answer: Future[Refusal | None] = Future()
        self.begun.append(answer)
        return taken() if self.are_quick else answer.result(timeout=10)

    def wait_for(self, count: int) -> None:
        eventually(lambda: len(self.begun) >= count, 5, f"read number {count}")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> SlowReads:
    reads = SlowReads()
    monkeypatch.setattr(Glance, "_true_refusal", lambda _self, slot_ids: reads(slot_ids))
    return reads


@pytest.fixture
def glance(make_desk: Callable[..., Desk], sqlite_url: str) -> Glance:
    return Glance(make_desk(sqlite_url).database)


def test_who_asks_during_a_read_is_not_answered_by_it(glance: Glance, reads: SlowReads) -> None:
    """The slot may have been freed since that read looked."""
    with ThreadPoolExecutor(2) as pool:
        early = pool.submit(glance.refusal, SLOTS)
        reads.wait_for(1)
        late = pool.submit(glance.refusal, SLOTS)
        eventually(lambda: SLOTS in glance._boarding, 5, "the second waits")
        reads.begun[0].set_result(taken())
        reads.wait_for(2)
        reads.begun[1].set_result(None)

        assert isinstance(early.result(), BookingConflict)
        assert late.result() is None


def test_those_who_ask_during_a_read_share_the_next(glance: Glance, reads: SlowReads) -> None:
    asking = threading.Semaphore(0)

    def ask() -> Refusal | None:
        asking.release()
        return glance.refusal(SLOTS)

    with ThreadPoolExecutor(20) as pool:
        running = [pool.submit(ask)]
        reads.wait_for(1)
        running += [pool.submit(ask) for _ in range(19)]
        for _ in running:
            asking.acquire()
        reads.are_quick = True
        reads.begun[0].set_result(taken())
        answers = [future.result() for future in running]

    assert len(reads.begun) < 10
    assert all(isinstance(answer, BookingConflict) for answer in answers)
    assert len({id(answer) for answer in answers}) == 20, "each has one of its own to raise"


def test_other_slots_do_not_wait(glance: Glance, reads: SlowReads) -> None:
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(glance.refusal, (7,))
        other = pool.submit(glance.refusal, (8,))
        reads.wait_for(2)
        for read in reads.begun:
            read.set_result(None)

        assert (one.result(), other.result()) == (None, None)


def test_an_outage_is_told_to_everybody_and_not_remembered(glance: Glance, reads: SlowReads) -> None:
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(glance.refusal, SLOTS)
        reads.wait_for(1)
        reads.begun[0].set_exception(Unavailable())
        with pytest.raises(Unavailable):
            asked.result()

        again = pool.submit(glance.refusal, SLOTS)
        reads.wait_for(2)
        reads.begun[1].set_result(None)

        assert again.result() is None


def test_one_who_is_ended_while_reading_does_not_end_those_who_share_the_read(
    glance: Glance, reads: SlowReads
) -> None:
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(glance.refusal, SLOTS)
        reads.wait_for(1)
        ended = pool.submit(glance.refusal, SLOTS)
        shared = eventually(lambda: glance._boarding.get(SLOTS), 5, "the second waits")
        reads.begun[0].set_result(None)
        reads.wait_for(2)
        reads.begun[1].set_exception(SystemExit())

    assert first.result() is None
    assert isinstance(ended.exception(), SystemExit)
    assert isinstance(shared.exception(), Unavailable)


def test_one_who_is_ended_while_waiting_leaves_nobody_behind(
    glance: Glance, reads: SlowReads, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(_slot_ids: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(glance, "_wait_for_the_read_under_way", ended)
        with pytest.raises(SystemExit):
            glance.refusal(SLOTS)
    reads.are_quick = True

    assert isinstance(glance.refusal(SLOTS), BookingConflict)


def test_a_shared_read_that_does_not_end_is_an_outage(
    glance: Glance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONGEST_READ_SECONDS", 0.02)
    glance._boarding[SLOTS] = Future()

    with pytest.raises(Unavailable):
        glance.refusal(SLOTS)


def test_a_read_that_does_not_end_keeps_nobody_from_looking(
    glance: Glance, reads: SlowReads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONGEST_READ_SECONDS", 0.02)
    glance._flying[SLOTS] = Future()
    reads.are_quick = True

    assert isinstance(glance.refusal(SLOTS), BookingConflict)


def test_a_lock_is_believed_when_the_database_confirms_it_soon(
    glance: Glance, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [None, None, taken()]
    monkeypatch.setattr(Glance, "_true_refusal", lambda *_: answers.pop(0))
    monkeypatch.setattr(module, "PAUSES_SECONDS", (0.0,) * 4)

    confirmed = glance.confirmed_refusal(SLOTS)

    assert isinstance(confirmed, BookingConflict)
    assert answers == []


def test_a_lock_the_database_never_confirms_is_not_believed(
    glance: Glance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Glance, "_true_refusal", lambda *_: None)
    monkeypatch.setattr(module, "PAUSES_SECONDS", (0.0,) * 4)

    assert glance.confirmed_refusal(SLOTS) is None


def test_a_refusal_is_remembered_for_a_moment_and_then_looked_at_anew(
    glance: Glance, reads: SlowReads, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads.are_quick = True
    before = glance.was_refused(SLOTS)
    glance.refusal(SLOTS)

    assert (before, glance.was_refused(SLOTS)) == (False, True)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + module.RECENT_SECONDS)
    assert not glance.was_refused(SLOTS)


def test_whoever_lost_a_moment_ago_gets_the_slot_once_it_is_free(desk: Desk) -> None:
    slot = desk.add_slot()
    booking = desk.book(slot)
    with pytest.raises(BookingConflict):
        desk.book(slot)
    assert desk.engine.glance.was_refused((slot,))

    cancel_booking(desk.engine, uuid.UUID(booking["id"]), SYSTEM, "", None)

    assert desk.book(slot)["status"] == "CONFIRMED"


def test_alternatives_are_read_once_in_a_moment_and_the_refusal_every_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []
    monkeypatch.setattr(module, "nearest_free", lambda _connection, slot: reads.append(slot) or [])
    slot = desk.add_slot()
    desk.book(slot)

    refusals = [desk.engine.glance.refusal((slot,)) for _ in range(3)]

    assert [type(each) for each in refusals] == [BookingConflict] * 3
    assert reads == [slot]
