"""Groups that share a transaction at one hall: each whole and with all that belongs to it, no seat twice."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select, text, update

from app.batches import BatchesByOwner
from app.booking import allowances, seat_batches, seats_together
from app.booking.actions import GUEST, Actor, BestClaim, SeatWish, hold_best
from app.booking.batch_claims import Left
from app.booking.documents import booking_document
from app.booking.expiry import expire_due_holds
from app.booking.seat_batches import Seated, Seating, Unsure, seat_together
from app.booking.seat_choices import GroupWish
from app.booking.seat_statements import IN_TURN
from app.directory.program import Program
from app.directory.scheduling import create_showtimes
from app.errors import IdempotencyKeyReused
from app.idempotency import RequestKey
from app.tables import AuditEntry, Booking, BookingSlot, IdempotencyRecord, Notice, OutboxEntry, Slot
from tests.booking.conftest import ANNA, Desk
from tests.booking.promises import broken_promises
from tests.cinema import ADMIN, TOMORROW, Cinema, block
from tests.commit_cutter import Cut, commit_cutter
from tests.together import together

PLACE_AND_TIME = {
    "id", "reference", "confirmation_id", "slot_id", "booking_id", "booking_slot_id", "showtime_id", "key",
    "scope", "stream", "lamport", "logical_clock", "vector", "vector_clock", "hybrid", "hybrid_clock",
    "slot_time", "starts_at", "ends_at", "confirmed_at", "created_at", "booking_time", "updated_at", "at",
    "next_attempt_at", "request_hash", "patient_email", "patient_phone", "hall_id",
}  # fmt: skip


@pytest.fixture
def desk(make_desk: Callable[..., Desk], postgres_url: str) -> Desk:
    """SQLite has one writer: there is nothing to share."""
    return make_desk(postgres_url)


@pytest.fixture
def cinema(desk: Desk) -> Cinema:
    return Cinema.on(desk.database)


def key(name: str, asked: Any = "the same") -> RequestKey:
    return RequestKey.of("guest", name, asked)


def wish(desk: Desk, count: int = 2, request: RequestKey | None = None, **more: Any) -> GroupWish:
    seats = SeatWish(count, zone=more.pop("zone", None))
    actor = more.pop("actor", GUEST)
    return GroupWish(seats, ANNA, actor, request, desk.engine.stamper.stamp(), **more)


def best(desk: Desk, showtime: int, count: int = 2, **more: Any) -> Any:
    claim = BestClaim(showtime, SeatWish(count), ANNA, instant=True)
    return hold_best(desk.engine, claim, more.pop("actor", GUEST), **more)


def seated(fates: list[Seating]) -> list[bool]:
    return [isinstance(fate, Seated) for fate in fates]


def labels(document: dict[str, Any]) -> list[str]:
    return [f"{slot['row']}{slot['number']}" for slot in document["slots"]]


def rows(desk: Desk, table: Any) -> list[Any]:
    with desk.database.read() as connection:
        return [dict(row._mapping) for row in connection.execute(select(*table.__table__.columns))]


def alike(written: Any) -> Any:
    """What two bookings at different shows should have in common, to the word."""
    if isinstance(written, dict):
        return {k: "*" if k in PLACE_AND_TIME and v is not None else alike(v) for k, v in written.items()}
    return [alike(each) for each in written] if isinstance(written, list) else written


def test_both_ways_answer_and_write_the_same_to_the_word(
    desk: Desk, cinema: Cinema, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = (TOMORROW, TOMORROW + timedelta(days=1))
    program = Program(cinema.add_movie(), cinema.add_hall(block(1, 5)), times)
    made = create_showtimes(cinema.directory, program, ADMIN).value["showtimes"]
    shows = [int(show["id"]) for show in made]
    tables = (Booking, BookingSlot, AuditEntry, Notice, OutboxEntry, IdempotencyRecord)
    actor = Actor("guest", origin="digest")

    def written(showtime: int) -> Any:
        before = [rows(desk, table) for table in tables]
        answer = best(desk, showtime, 4, actor=actor, request=key(f"at {showtime}")).value
        new = [
            [row for row in rows(desk, t) if row not in old] for t, old in zip(tables, before, strict=True)
        ]
        announced, desk.published[:] = list(desk.published), []
        return answer, new, announced

    together_answer, *quick = written(shows[0])
    monkeypatch.setattr(seats_together, "can_share", lambda _database: False)
    alone_answer, *slow = written(shows[1])

    assert together_answer["warnings"][0]["code"] == "STRAY_SEAT"
    assert alike(together_answer) == alike(alone_answer)
    assert alike(quick) == alike(slow)
    assert [len(table) for table in quick[0]] == [1, 4, 4, 1, 1, 1]
    with desk.database.read() as connection:
        stored = booking_document(connection, uuid.UUID(together_answer["id"]))
    assert {**(stored or {}), "warnings": together_answer["warnings"]} == together_answer


def test_groups_of_a_batch_are_whole_and_chosen_as_if_one_came_after_the_other(
    desk: Desk, cinema: Cinema
) -> None:
    shared, single = cinema.add_showtime(block(4, 6)), cinema.add_showtime(block(4, 6))
    one_by_one = [labels(best(desk, single, count).value) for count in (3, 2, 4, 3, 2)]
    desk.published.clear()

    fates = seat_together(
        desk.engine, shared, [wish(desk, n, key(f"k{i}")) for i, n in enumerate((3, 2, 4, 3, 2))]
    )

    done = [fate for fate in fates if isinstance(fate, Seated)]
    assert [labels(fate.document) for fate in done] == one_by_one
    entries = [row for row in rows(desk, OutboxEntry) if row["stream"] == f"showtime:{shared}"]
    # One for each group; the first number tells that the seats are there.
    assert sorted(row["seq"] for row in entries) == list(range(1, 7))
    changes = {row["seq"]: row["payload"] for row in entries if row["seq"] > 1}
    assert changes == {fate.number: fate.change for fate in done}
    told = [[slot["id"] for slot in fate.change["slots"]] for fate in done]
    assert told == [[slot["id"] for slot in fate.document["slots"]] for fate in done]
    assert {row["key"] for row in rows(desk, IdempotencyRecord)} == {f"k{i}" for i in range(5)}
    assert broken_promises(desk.database) == []


def test_a_crowd_at_two_nodes_gets_whole_groups_and_no_seat_twice(
    make_desk: Callable[..., Desk], postgres_url: str
) -> None:
    first = make_desk(postgres_url)
    nodes = [first, make_desk(postgres_url, node_id="node-2", doctor_id=first.doctor_id)]
    showtime = Cinema.on(first.database).add_showtime(block(24, 4))

    def ask(number: int) -> Any:  # every sixth goes the ordinary way, into the midst of the batches
        claim = BestClaim(showtime, SeatWish(4), ANNA, instant=number % 6 != 0)
        return hold_best(nodes[number % 2].engine, claim, GUEST, key(f"k{number}")).value

    got = together([partial(ask, number) for number in range(24)])

    assert len({slot["id"] for booking in got for slot in booking["slots"]}) == 96
    for booking in got:
        numbers = [slot["number"] for slot in booking["slots"]]
        assert len({slot["row"] for slot in booking["slots"]}) == 1
        assert numbers == list(range(numbers[0], numbers[0] + 4))
    assert broken_promises(first.database) == []


def test_what_is_not_plain_is_left_out_and_its_neighbours_are_seated(desk: Desk, cinema: Cinema) -> None:
    showtime = cinema.add_showtime(block(3, 4))
    best(desk, showtime, 1, request=key("known"))
    wishes = [
        wish(desk, 2),
        wish(desk, 2, zone="Moon"),
        wish(desk, 2, key("known")),
        wish(desk, 9),
        wish(desk, 2, key("twice")),
        wish(desk, 2, key("twice")),
        wish(desk, 2),
    ]

    fates = seat_together(desk.engine, showtime, wishes)

    assert seated(fates) == [True, False, False, False, True, False, True]
    assert broken_promises(desk.database) == []


def test_a_lapsed_hold_is_left_to_the_ordinary_way(desk: Desk, cinema: Cinema) -> None:
    showtime = cinema.add_showtime(block(2, 2))
    hold_best(desk.engine, BestClaim(showtime, SeatWish(2), ANNA), GUEST)
    (held, *_) = [row["id"] for row in rows(desk, Slot) if row["state"] == "HELD"]
    desk.lapse(held)

    fates = seat_together(desk.engine, showtime, [wish(desk), wish(desk)])
    answer = best(desk, showtime).value

    assert seated(fates) == [False, True]
    assert held in {int(slot["id"]) for slot in answer["slots"]}
    assert broken_promises(desk.database) == []


def test_a_group_steps_around_seats_that_somebody_is_at(desk: Desk, cinema: Cinema) -> None:
    showtime = cinema.add_showtime(block(1, 8))
    ids = cinema.ids(showtime)
    with desk.database.transaction() as tx:
        tx.execute(select(Slot.id).where(Slot.id == ids["A4"]).with_for_update())

        fates = seat_together(desk.engine, showtime, [wish(desk, 4), wish(desk, 3)])

    got = [labels(fate.document) for fate in fates if isinstance(fate, Seated)]
    assert got == [["A5", "A6", "A7", "A8"], ["A1", "A2", "A3"]]
    assert broken_promises(desk.database) == []


def test_seats_sold_since_the_look_stay_with_whoever_has_them(
    desk: Desk, cinema: Cinema, monkeypatch: pytest.MonkeyPatch
) -> None:
    showtime = cinema.add_showtime(block(1, 8))
    sold = best(desk, showtime, 4).value
    monkeypatch.setattr(seat_batches, "_ids", lambda _listed: set())

    fates = seat_together(desk.engine, showtime, [wish(desk, 2)])

    assert seated(fates) == [True]
    assert {str(desk.slot(int(slot["id"])).booking_id) for slot in sold["slots"]} == {sold["id"]}
    assert broken_promises(desk.database) == []


def test_nobody_waits_long_for_a_node_that_has_its_turn_and_does_not_come_back(
    desk: Desk, cinema: Cinema
) -> None:
    showtime = cinema.add_showtime(block(1, 8))
    with desk.database.transaction() as frozen:
        frozen.execute(text(IN_TURN.replace("%(showtime_id)s::text", f"'{showtime}'")))

        fates = seat_together(desk.engine, showtime, [wish(desk), wish(desk)])

    assert seated(fates) == [True, True]


def test_a_seat_that_breaks_a_constraint_sinks_nobody(desk: Desk, cinema: Cinema) -> None:
    showtime = cinema.add_showtime(block(1, 9))
    taken = best(desk, showtime, 3).value
    with desk.database.transaction() as tx:  # as if somebody had opened the seats by hand
        opened = update(Slot).where(Slot.booking_id == uuid.UUID(taken["id"]))
        tx.execute(opened.values(state="OPEN", booking_id=None))
    before = len(rows(desk, AuditEntry))

    fates = seat_together(desk.engine, showtime, [wish(desk, 3), wish(desk, 3)])

    assert fates == [Left.TO_ITSELF, Left.TO_ITSELF]
    assert (len(rows(desk, Booking)), len(rows(desk, AuditEntry))) == (1, before)
    assert best(desk, cinema.add_showtime(block(1, 9)), 3).value["status"] == "CONFIRMED"


def test_a_repeated_request_gets_its_first_answer_and_no_more_seats(desk: Desk, cinema: Cinema) -> None:
    showtime = cinema.add_showtime(block(2, 4))
    first = best(desk, showtime, request=key("k"))

    again = best(desk, showtime, request=key("k"))
    with pytest.raises(IdempotencyKeyReused):
        best(desk, showtime, request=key("k", "something else"))

    assert (again.value, again.replayed) == (first.value, True)
    assert [row["state"] for row in rows(desk, Slot)].count("BOOKED") == 2


def test_of_one_key_at_once_one_group_is_seated_and_all_get_its_answer(desk: Desk, cinema: Cinema) -> None:
    showtime = cinema.add_showtime(block(4, 4))

    got = together([lambda: best(desk, showtime, request=key("k")).value for _ in range(6)])

    assert all(answer == got[0] for answer in got)
    assert len(rows(desk, Booking)) == 1


def test_an_address_gets_no_more_within_one_batch_than_it_is_allowed(desk: Desk, cinema: Cinema) -> None:
    allowance = allowances.Allowance(2, bookings=3, window_seconds=3600)
    wishes = [wish(desk, actor=Actor("guest", origin="o"), allowance=allowance) for _ in range(5)]

    fates = seat_together(desk.engine, cinema.add_showtime(block(4, 6)), wishes)

    assert seated(fates) == [True, True, True, False, False]


def test_seats_that_an_address_held_in_vain_are_for_the_ordinary_way(desk: Desk, cinema: Cinema) -> None:
    showtime, actor = cinema.add_showtime(block(1, 4)), Actor("guest", origin="o")
    held = hold_best(desk.engine, BestClaim(showtime, SeatWish(2), ANNA), actor).value
    desk.lapse_booking(uuid.UUID(held["id"]))
    expire_due_holds(desk.engine)

    fates = seat_together(desk.engine, showtime, [wish(desk, actor=actor), wish(desk)])

    assert seated(fates) == [False, True]


def test_no_address_is_written_in_the_clear(desk: Desk, cinema: Cinema) -> None:
    best(desk, cinema.add_showtime(), request=key("k"))

    with desk.database.read() as connection:
        stored = [
            str(connection.execute(text(f"SELECT json_agg({table}) FROM {table}")).scalar())
            for table in ("bookings", "idempotency", "outbox", "audit", "notices")
        ]
    assert ANNA.name in stored[0]
    assert not [each for each in stored if str(ANNA.email) in each or str(ANNA.phone) in each]


def test_a_lost_reply_to_commit_is_settled_for_each_by_its_key(
    make_desk: Callable[..., Desk], postgres_url: str
) -> None:
    with commit_cutter(postgres_url) as (cutter, through):
        desk = make_desk(through)
        showtime = Cinema.on(desk.database).add_showtime(block(2, 6))
        best(desk, showtime, 2)
        cutter.cut(Cut.AFTER_COMMIT_IS_DONE)
        answer = best(desk, showtime, 2, request=key("k")).value
        cutter.cut(Cut.AFTER_COMMIT_IS_DONE)
        fates = seat_together(desk.engine, showtime, [wish(desk, 2), wish(desk, 2), wish(desk, 9)])

        assert cutter.cuts_made == 2
        assert [type(fate) for fate in fates] == [Unsure, Unsure, Left]
        told = [fate.change for fate in fates if isinstance(fate, Unsure)]
        assert [change and len(change["slots"]) for change in told] == [2, 2]
        assert uuid.UUID(answer["id"]) in {row["id"] for row in rows(desk, Booking)}
        assert [row["state"] for row in rows(desk, Slot)].count("BOOKED") == 8


DIES_IN_MID_BATCH = """
import os, signal, sys
from app.booking import seat_batches
from app.booking.actions import GUEST, PatientDetails, SeatWish
from app.booking.build import build_engine
from app.clock import SystemClock
from app.config import Config
from app.coordination.connection import connect_redis
from app.database import Database

config = Config.from_env(os.environ)
database = Database(config.database_url, keyring=config.keyring)
engine = build_engine(config, database, connect_redis(config.redis_url), SystemClock(), lambda *_: None)
seat_batches.send_ahead = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
patient = PatientDetails("Anna Example", "anna@example.org")
seat_batches.seat_together(engine, int(sys.argv[1]), [
    seat_batches.GroupWish(SeatWish(2), patient, GUEST, None, engine.stamper.stamp()) for _ in range(3)])
"""


def test_a_node_killed_in_mid_batch_leaves_no_trace(desk: Desk, cinema: Cinema, postgres_url: str) -> None:
    showtime = cinema.add_showtime(block(2, 4))
    environment = {"DATABASE_URL": postgres_url, "REDIS_URL": "redis://127.0.0.1:1/0", "NODE_ID": "node-9"}
    before = [rows(desk, table) for table in (AuditEntry, OutboxEntry)]

    done = subprocess.run(
        [sys.executable, "-c", DIES_IN_MID_BATCH, str(showtime)], env=environment, capture_output=True
    )

    assert done.returncode == -9, done.stderr.decode()
    assert [rows(desk, table) for table in (Booking, BookingSlot, Notice)] == [[], [], []]
    assert [rows(desk, table) for table in (AuditEntry, OutboxEntry)] == before
    assert best(desk, showtime, 4).value["status"] == "CONFIRMED"


def test_each_owner_has_batches_of_its_own_and_few_are_remembered() -> None:
    batches: BatchesByOwner[int, int] = BatchesByOwner(most=2)
    first, second = batches.of(1), batches.of(2)

    assert batches.of(1) is first
    assert batches.of(3) is not second
    assert batches.of(1) is first
    assert batches.of(2) is not second
