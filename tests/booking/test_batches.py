"""Bookings that share a transaction: each is whole, none suffers from its neighbours."""

from __future__ import annotations

import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update

from app import engines
from app.batches import Batches
from app.booking import allowances, batch_claims
from app.booking.actions import GUEST, Actor, Claim, hold_slot
from app.booking.batch_claims import Booked, Fate, Left, Unsettled, Wish, book_together
from app.booking.budgets import Budgets
from app.booking.documents import booking_document
from app.booking.errors import BookingConflict
from app.errors import IdempotencyKeyReused, Refusal, TooManyRequests, Unavailable
from app.idempotency import RequestKey
from app.tables import (
    AuditEntry,
    Booking,
    BookingSlot,
    IdempotencyRecord,
    Notice,
    OutboxEntry,
    Slot,
    Stream,
)
from tests.booking.conftest import ANNA, Desk
from tests.booking.promises import broken_promises
from tests.commit_cutter import Cut, commit_cutter
from tests.moments import no_longer_than
from tests.together import outcome_of, together

UNKNOWN_SLOT = 999_999


@pytest.fixture
def desk(make_desk: Callable[..., Desk], postgres_url: str) -> Desk:
    """SQLite has one writer: there is nothing to share."""
    return make_desk(postgres_url)


def key(name: str, asked: Any = "the same") -> RequestKey:
    return RequestKey.of("guest", name, asked)


def wish(desk: Desk, slot_id: int, request: RequestKey | None = None, actor: Actor = GUEST) -> Wish:
    return Wish(slot_id, ANNA, actor, request, desk.engine.stamper.stamp())


def booked(fates: list[Fate]) -> list[bool]:
    return [isinstance(fate, Booked) for fate in fates]


def rows(desk: Desk, table: Any) -> list[Any]:
    with desk.database.read() as connection:
        return list(connection.execute(select(*table.__table__.columns)))


@pytest.mark.parametrize("first_that_limits_transactions", [engines.LIMITS_TRANSACTIONS, 990_000])
def test_each_booking_of_a_batch_has_all_that_belongs_to_it(
    desk: Desk, first_that_limits_transactions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "LIMITS_TRANSACTIONS", first_that_limits_transactions)
    slots = [desk.add_slot(24 + number) for number in range(5)]

    fates = book_together(desk.engine, [wish(desk, slot, key(f"key-{slot}")) for slot in slots])

    ids = {uuid.UUID(fate.document["id"]) for fate in fates if isinstance(fate, Booked)}
    assert booked(fates) == [True] * 5
    assert {row.id for row in rows(desk, Booking)} == ids
    assert {(row.booking_id, row.action) for row in rows(desk, AuditEntry)} == {
        (each, "book") for each in ids
    }
    assert {row.booking_id for row in rows(desk, Notice)} == ids
    assert {row.key for row in rows(desk, IdempotencyRecord)} == {f"key-{slot}" for slot in slots}
    assert sorted(row.seq for row in rows(desk, OutboxEntry)) == [1, 2, 3, 4, 5]
    assert broken_promises(desk.database) == []


def test_the_answer_says_what_the_database_says(desk: Desk) -> None:
    answer = hold_slot(
        desk.engine,
        Claim((desk.add_slot(),), ANNA, instant=True),
        Actor("guest", origin="digest"),
        key("one"),
    )

    with desk.database.read() as connection:
        assert booking_document(connection, uuid.UUID(answer.value["id"])) == answer.value
        stored = connection.execute(select(IdempotencyRecord.answer)).scalar_one()
    assert stored == {"value": answer.value}
    assert [row.origin for row in (*rows(desk, Booking), *rows(desk, AuditEntry))] == ["digest", "digest"]


def test_the_change_is_announced_under_its_number(desk: Desk) -> None:
    first, second = desk.add_slot(24), desk.add_slot(25)

    fates = book_together(desk.engine, [wish(desk, second), wish(desk, first)])

    told = {fate.change["id"]: fate.number for fate in fates if isinstance(fate, Booked)}
    assert told == {row.payload["id"]: row.seq for row in rows(desk, OutboxEntry)}


def test_what_is_not_plain_is_left_out_and_its_neighbours_are_booked(desk: Desk) -> None:
    free, taken, held, lapsed, other = (desk.add_slot(24 + number) for number in range(5))
    past = desk.add_slot(-24)
    desk.book(taken)
    desk.hold(held)
    desk.hold(lapsed)
    desk.lapse(lapsed)
    wanted = [taken, free, held, lapsed, past, UNKNOWN_SLOT, other]

    fates = book_together(desk.engine, [wish(desk, slot) for slot in wanted])

    assert booked(fates) == [False, True, False, False, False, False, True]
    assert broken_promises(desk.database) == []


def test_of_two_wishes_for_one_slot_or_under_one_key_one_is_booked(desk: Desk) -> None:
    slot, first, second = desk.add_slot(24), desk.add_slot(25), desk.add_slot(26)
    wishes = [wish(desk, slot), wish(desk, slot), wish(desk, first, key("k")), wish(desk, second, key("k"))]

    fates = book_together(desk.engine, wishes)

    assert booked(fates) == [True, False, True, False]


def test_a_key_that_has_its_answer_books_nothing_more(desk: Desk) -> None:
    slot, other = desk.add_slot(24), desk.add_slot(25)
    first = desk.book(slot, request=key("k"))

    again = hold_slot(desk.engine, Claim((slot,), ANNA, instant=True), GUEST, key("k"))
    with pytest.raises(IdempotencyKeyReused):
        desk.book(other, request=key("k", "something else"))

    assert (again.value, again.replayed) == (first, True)
    assert desk.slot(other).state == "OPEN"


def test_whoever_draws_the_reference_of_another_booking_is_left_out_alone(desk: Desk) -> None:
    known = desk.book(desk.add_slot(24))["reference"]
    unlucky = replace(wish(desk, desk.add_slot(25)), reference=known)

    fates = book_together(
        desk.engine, [wish(desk, desk.add_slot(26)), unlucky, wish(desk, desk.add_slot(27))]
    )

    assert booked(fates) == [True, False, True]
    assert desk.book(unlucky.slot_id)["reference"] != known


def test_nobody_waits_for_a_slot_that_somebody_is_at(desk: Desk) -> None:
    locked, free = desk.add_slot(24), desk.add_slot(25)
    with desk.database.transaction() as tx:
        tx.execute(select(Slot.id).where(Slot.id == locked).with_for_update())

        with no_longer_than(1.5):  # a lock is waited for two seconds
            fates = book_together(desk.engine, [wish(desk, locked), wish(desk, free)])

    assert booked(fates) == [False, True]


def test_a_batch_gives_up_soon_when_it_would_wait_for_a_key(desk: Desk) -> None:
    slot, free = desk.add_slot(24), desk.add_slot(25)
    with desk.database.transaction() as tx:
        busy = key("k")
        tx.execute(
            insert(IdempotencyRecord).values(scope=busy.scope, key=busy.key, request_hash=busy.request_hash)
        )

        fates = book_together(desk.engine, [wish(desk, slot, busy), wish(desk, free)])

    assert fates == [Left.TO_ITSELF, Left.TO_ITSELF]
    assert [desk.slot(each).state for each in (slot, free)] == ["OPEN", "OPEN"]
    assert desk.book(free)["status"] == "CONFIRMED"


def test_a_row_that_breaks_a_constraint_sinks_nobody(desk: Desk) -> None:
    broken, sound = desk.add_slot(24), desk.add_slot(25)
    earlier = uuid.UUID(desk.book(broken)["id"])
    with desk.database.transaction() as tx:  # as if somebody had opened the slot by hand
        tx.execute(update(Slot).where(Slot.id == broken).values(state="OPEN", booking_id=None))

    fates = book_together(desk.engine, [wish(desk, broken), wish(desk, sound)])
    booking = desk.book(sound)

    assert fates == [Left.TO_ITSELF, Left.TO_ITSELF]
    assert booking["status"] == "CONFIRMED"
    with pytest.raises(BookingConflict):
        desk.book(broken)
    with desk.database.read() as connection:
        live = select(BookingSlot.booking_id).where(BookingSlot.slot_id == broken, BookingSlot.live)
        assert connection.execute(live).scalars().all() == [earlier]


def test_whoever_is_left_out_learns_the_reason(desk: Desk) -> None:
    slot = desk.add_slot()
    desk.book(slot)

    with pytest.raises(BookingConflict) as refused:
        desk.book(slot, request=key("k"))

    assert refused.value.extras["reason"] == "SLOT_TAKEN"
    assert refused.value.extras["slot_id"] == str(slot)
    with pytest.raises(BookingConflict) as again:
        desk.book(slot, request=key("k"))
    assert again.value.replayed


def test_a_lost_reply_to_commit_is_settled_for_each_by_its_key(
    make_desk: Callable[..., Desk], postgres_url: str
) -> None:
    with commit_cutter(postgres_url) as (cutter, through):
        desk = make_desk(through)
        warm_up, first, second, taken = (desk.add_slot(24 + number) for number in range(4))
        for slot in (warm_up, taken):
            desk.book(slot)
        cutter.cut(Cut.AFTER_COMMIT_IS_DONE)

        fates = book_together(desk.engine, [wish(desk, slot) for slot in (first, second, taken)])

        assert cutter.cuts_made == 1
        assert [type(fate) for fate in fates] == [Unsettled, Unsettled, Left]
        assert [desk.slot(slot).state for slot in (first, second)] == ["BOOKED", "BOOKED"]


def test_many_at_once_are_all_booked_and_numbered_without_gaps(desk: Desk) -> None:
    slots = [desk.add_slot(24 + number / 2) for number in range(60)]

    outcomes = together([lambda slot=slot: desk.book(slot, request=key(f"key-{slot}")) for slot in slots])

    assert {outcome["slot_id"] for outcome in outcomes} == {str(slot) for slot in slots}
    with desk.database.read() as connection:
        assert connection.execute(select(Stream.last_seq)).scalar_one() == 60
        assert connection.execute(select(func.count()).select_from(OutboxEntry)).scalar_one() == 60
    assert broken_promises(desk.database) == []


def test_many_at_one_slot_have_one_winner_and_all_others_hear_why(desk: Desk) -> None:
    slot = desk.add_slot()

    outcomes = together(
        [lambda number=number: desk.book(slot, request=key(f"k{number}")) for number in range(60)]
    )

    losers = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    assert len(outcomes) - len(losers) == 1
    assert {loser.extras["reason"] for loser in losers} == {"SLOT_TAKEN"}
    assert broken_promises(desk.database) == []


def test_an_address_gets_no_more_in_batches_than_it_is_allowed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        allowances, "OF_AN_ADDRESS", allowances.Allowance(2, bookings=20, window_seconds=3600)
    )
    slots = [desk.add_slot(24 + number / 2) for number in range(30)]
    guest = Actor("guest", origin="one address")

    def book(slot: int) -> Any:
        return hold_slot(desk.engine, Claim((slot,), ANNA, instant=True), guest).value

    outcomes = [outcome_of(lambda slot=slot: book(slot)) for slot in slots]

    assert [isinstance(outcome, TooManyRequests) for outcome in outcomes] == [False] * 20 + [True] * 10
    assert len(rows(desk, Booking)) == 20


def test_an_address_gets_no_more_within_one_batch_than_it_is_allowed(desk: Desk) -> None:
    allowance = allowances.Allowance(2, bookings=3, window_seconds=3600)
    guest = Actor("guest", origin="one address")
    wishes = [
        Wish(desk.add_slot(24 + number), ANNA, guest, None, desk.engine.stamper.stamp(), allowance)
        for number in range(5)
    ]

    assert booked(book_together(desk.engine, wishes)) == [True, True, True, False, False]


def test_a_count_is_good_for_an_eighth_of_what_was_left() -> None:
    budgets = Budgets()
    budgets.counted("an address", 24)

    assert [budgets.spend("an address") for _ in range(5)] == [True, True, True, False, False]
    assert not budgets.spend("another")


DIES_IN_MID_BATCH = """
import os, signal, sys
from app.booking import allowances, batch_claims
from app.booking.actions import GUEST, PatientDetails
from app.booking.build import build_engine
from app.clock import SystemClock
from app.config import Config
from app.coordination.connection import connect_redis
from app.database import Database

config = Config.from_env(os.environ)
database = Database(config.database_url, keyring=config.keyring)
engine = build_engine(config, database, connect_redis(config.redis_url), SystemClock(), lambda *_: None)
batch_claims._written = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
patient = PatientDetails("Anna Example", "anna@example.org")
batch_claims.book_together(engine, [
    batch_claims.Wish(int(slot), patient, GUEST, None, engine.stamper.stamp()) for slot in sys.argv[1:]])
"""


def test_a_node_killed_in_mid_batch_leaves_no_trace(desk: Desk, postgres_url: str) -> None:
    slots = [desk.add_slot(24), desk.add_slot(25)]
    environment = {"DATABASE_URL": postgres_url, "REDIS_URL": "redis://127.0.0.1:1/0", "NODE_ID": "node-9"}

    done = subprocess.run(
        [sys.executable, "-c", DIES_IN_MID_BATCH, *map(str, slots)], env=environment, capture_output=True
    )

    assert done.returncode == -9, done.stderr.decode()
    assert [rows(desk, table) for table in (Booking, AuditEntry, OutboxEntry, Notice)] == [[], [], [], []]
    assert [desk.book(slot)["status"] for slot in slots] == ["CONFIRMED", "CONFIRMED"]


def test_a_batch_whose_leader_dies_is_undone_and_the_next_one_goes_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(BaseException):
        pass

    def dies(*_: Any) -> Any:
        raise Died

    slot = desk.add_slot()
    with monkeypatch.context() as patch:
        patch.setattr(batch_claims, "document_of", dies)
        with pytest.raises(Died):
            desk.book(slot)

    assert desk.book(slot)["status"] == "CONFIRMED"


def test_those_who_come_while_a_batch_is_under_way_share_the_next_one() -> None:
    batches: Batches[int, int] = Batches(most_together=3)
    first_is_under_way, go_on = threading.Event(), threading.Event()
    carried: list[list[int]] = []

    def carry_out(wishes: Any) -> list[int]:
        carried.append(list(wishes))
        if len(carried) == 1:
            first_is_under_way.set()
            go_on.wait(10)
        return [number * 10 for number in wishes]

    fates: dict[int, int] = {}

    def ask(number: int) -> None:
        fates[number] = batches.share(number, carry_out, lost=-1)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    threads[0].start()
    first_is_under_way.wait(10)
    for thread in threads[1:]:
        thread.start()
    while len(batches) < 5:
        threading.Event().wait(0.001)
    go_on.set()
    for thread in threads:
        thread.join(10)

    assert fates == {number: number * 10 for number in range(6)}
    assert [len(each) for each in carried] == [1, 3, 2]


def test_a_leader_that_dies_stops_nobody_who_comes_after() -> None:
    batches: Batches[int, str] = Batches()

    def dies(_wishes: Any) -> list[str]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batches.share(1, dies, lost="lost")

    assert batches.share(2, lambda wishes: ["done"] * len(wishes), lost="lost") == "done"


def test_whoever_gives_up_waiting_leaves_nothing_behind_and_stops_nobody() -> None:
    batches: Batches[int, int] = Batches(longest_wait_seconds=0.05)
    first_is_under_way, go_on = threading.Event(), threading.Event()
    carried: list[int] = []

    def carry_out(wishes: Any) -> list[int]:
        carried.extend(wishes)
        first_is_under_way.set()
        go_on.wait(10)
        return list(wishes)

    first = threading.Thread(target=batches.share, args=(1, carry_out, -1))
    first.start()
    first_is_under_way.wait(10)
    (outcome,) = together([lambda: batches.share(2, carry_out, lost=-1)])
    go_on.set()
    first.join(10)

    assert isinstance(outcome, Unavailable)
    assert batches.share(3, carry_out, lost=-1) == 3
    assert carried == [1, 3]
