"""Who wants sets of seats at one moment is told by one read, and waits for nothing that is gone."""

import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import event, update

from app.booking import seat_glance
from app.booking.actions import GUEST, Claim, hold_slot
from app.booking.engine import Engine
from app.booking.errors import BookingConflict
from app.booking.glance import Glance, true_refusal
from app.booking.local_queue import LocalQueue
from app.booking.seat_plan import SeatPlans
from app.booking.seating import nearest_free_seats, nearest_in, seats_taken
from app.booking.turns import LINES_FOR_SETS
from app.database import Database
from app.errors import NotFound, Refusal, Unavailable
from app.tables import Slot
from tests.booking.conftest import ANNA, NO_REDIS, Desk
from tests.cinema import SMALL, Cinema
from tests.servers import eventually
from tests.together import together


@pytest.fixture
def desk(make_desk: Callable[..., Desk], database_url: str) -> Desk:
    """It knows the plans of its halls, as every node does, and has no Redis."""
    made, plans = make_desk(database_url, NO_REDIS), SeatPlans()
    return replace(made, engine=replace(made.engine, plans=plans, glance=Glance(made.database, plans)))


@pytest.fixture
def cinema(desk: Desk) -> Cinema:
    return Cinema.on(desk.database)


@pytest.fixture
def seats(desk: Desk, cinema: Cinema) -> dict[str, int]:
    showtime = cinema.add_showtime(SMALL)
    with desk.database.read() as connection:
        desk.engine.plans.of(connection, showtime)
    return cinema.ids(showtime)


def take(desk: Desk, *slot_ids: int, instant: bool = True) -> dict[str, object]:
    return hold_slot(desk.engine, Claim(slot_ids, ANNA, instant=instant), GUEST).value


@contextmanager
def statements_in(database: Database) -> Iterator[list[str]]:
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        said.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    yield said
    event.remove(database.engine, "before_cursor_execute", note)


def told(refusal: Refusal | None) -> object:
    """A hold may end in 119 or in 120 s by now."""
    return refusal and (type(refusal), re.sub(r"1[12]\d\b", "120", f"{refusal.detail} {refusal.extras}"))


def test_all_that_ask_while_a_look_is_under_way_share_the_next(
    desk: Desk, seats: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    take(desk, seats["B1"], seats["B2"])
    is_looking, may_go_on = threading.Event(), threading.Event()
    look = seat_glance.statements.look_at_slots

    def slow_look(*given: object) -> object:
        is_looking.set()
        assert may_go_on.wait(10)
        return look(*given)

    monkeypatch.setattr(seat_glance.statements, "look_at_slots", slow_look)
    pairs = [(seats["A3"], seats["B1"]), (seats["B2"], seats["B3"]), (seats["B3"], seats["B4"])]
    with ThreadPoolExecutor(4) as pool, statements_in(desk.database) as said:
        first = pool.submit(desk.engine.glance.refusal, pairs[0])
        assert is_looking.wait(10)
        others = [pool.submit(desk.engine.glance.refusal, pair) for pair in pairs]
        eventually(lambda: len(desk.engine.glance._sets._looks) == 3, what="three that wait")
        may_go_on.set()
        answers = [each.result(10) for each in (first, *others)]

    lost = [each and [seat["row"] + str(seat["number"]) for seat in each.extras["seats"]] for each in answers]
    assert lost == [["B1"], ["B1"], ["B2"], None]
    assert len([each for each in said if "slots.fence" in each]) == 2


def test_a_set_is_refused_as_if_it_had_asked_alone(desk: Desk, cinema: Cinema, seats: dict[str, int]) -> None:
    take(desk, seats["B1"], seats["B2"])
    take(desk, seats["A3"], instant=False)
    elsewhere = desk.add_slot(24), desk.add_slot(25)
    desk.book(elsewhere[0])
    wanted = [
        (seats["A3"], seats["B1"]),
        (seats["A4"], seats["B3"]),
        (seats["B2"],),
        (seats["B4"], 987_654_321),
        elsewhere,
    ]

    for slot_ids in wanted:
        with desk.database.read() as connection:
            alone = true_refusal(connection, slot_ids)
        assert told(desk.engine.glance.refusal(slot_ids)) == told(alone)
    assert [told(desk.engine.glance.refusal(each)) is None for each in wanted] == [False, True, *[False] * 3]
    assert isinstance(desk.engine.glance.refusal(wanted[3]), NotFound)


def test_what_is_offered_instead_is_the_same_with_the_plan_and_without(
    desk: Desk, cinema: Cinema, seats: dict[str, int]
) -> None:
    dice, all_seats = random.Random(7), list(seats.values())
    for _ in range(10):
        gone = dice.sample(all_seats, 4)
        with desk.database.transaction() as tx:
            tx.execute(update(Slot).where(Slot.id.in_(all_seats)).values(state="OPEN", block_reason=None))
            tx.execute(update(Slot).where(Slot.id.in_(gone)).values(state="BLOCKED", block_reason="closure"))
        showtime = desk.slot(gone[0]).showtime_id
        with desk.database.read() as connection:
            plan, taken = desk.engine.plans.of(connection, showtime), seats_taken(connection, showtime)
            for lost in gone:
                by_plan = nearest_in(plan, lost, taken)
                assert by_plan == nearest_free_seats(connection, desk.slot(lost))


def test_while_the_database_is_away_nobody_is_told_that_a_seat_is_gone(
    desk: Desk, seats: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise Unavailable("gone")

    monkeypatch.setattr(desk.database.engine, "connect", fail)

    outcomes = together([partial(desk.engine.glance.refusal, (seats["A3"], seats["B1"])) for _ in range(4)])

    assert [type(outcome) for outcome in outcomes] == [Unavailable] * 4


def test_who_waits_for_seats_that_are_sold_meanwhile_leaves_the_line(
    desk: Desk, seats: dict[str, int]
) -> None:
    line = seats["B1"] % LINES_FOR_SETS
    with ThreadPoolExecutor(1) as pool, desk.engine.local_queue.turn(line):
        waiting = pool.submit(take, desk, seats["B1"], seats["B2"])
        time.sleep(0.1)
        with desk.database.transaction() as tx:
            tx.execute(
                update(Slot).where(Slot.id == seats["B2"]).values(state="BLOCKED", block_reason="closure")
            )

        with pytest.raises(BookingConflict, match="B2 is not for sale"):
            waiting.result(3)


def test_a_line_goes_on_in_the_order_of_coming_without_those_who_left() -> None:
    queue, served = LocalQueue(), []

    def leave() -> None:
        raise LookupError

    def come(name: str, look: Callable[[], object]) -> None:
        with queue.turn(1, look):
            served.append(name)

    with ThreadPoolExecutor(3) as pool:
        with queue.turn(1):
            first = pool.submit(come, "first", lambda: None)
            eventually(lambda: len(queue._lines[1]) == 2, what="one that waits")
            second = pool.submit(come, "second", leave)
            with pytest.raises(LookupError):
                second.result(5)
            third = pool.submit(come, "third", lambda: None)
            eventually(lambda: len(queue._lines[1]) == 3, what="two that wait")
        first.result(5)
        third.result(5)

    assert served == ["first", "third"]


def test_nobody_waits_longer_than_the_line_allows() -> None:
    queue = LocalQueue(seconds=0.05)

    with queue.turn(1), pytest.raises(Unavailable), queue.turn(1):
        pass

    with queue.turn(1):
        pass


@pytest.mark.parametrize("is_lost", [True, False])
def test_whoever_waited_too_long_is_told_what_they_lost_meanwhile(
    desk: Desk, seats: dict[str, int], monkeypatch: pytest.MonkeyPatch, is_lost: bool
) -> None:
    def wait_in_vain(*_: object) -> None:
        monkeypatch.undo()
        if is_lost:
            take(desk, seats["B2"])
        raise Unavailable("Another request holds this record.")

    monkeypatch.setattr(Engine, "perform", wait_in_vain)

    with pytest.raises(BookingConflict if is_lost else Unavailable):
        take(desk, seats["B1"], seats["B2"])

    assert desk.slot(seats["B1"]).state == "OPEN"
