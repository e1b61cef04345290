from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, update
from sqlalchemy.exc import IntegrityError

from app.directory.placing import insert_slots, spans_in_the_way
from app.directory.spans import Span
from app.tables import Slot
from tests.directory.conftest import House

MIDNIGHT = datetime(2099, 11, 20, tzinfo=UTC)
SPANS = st.tuples(st.integers(0, 60), st.integers(1, 20)).map(
    lambda drawn: Span(
        MIDNIGHT + timedelta(minutes=drawn[0]), MIDNIGHT + timedelta(minutes=drawn[0] + drawn[1])
    )
)


def is_accepted(tx: Connection, statement) -> bool:
    try:
        with tx.begin_nested():
            tx.execute(statement)
    except IntegrityError:
        return False
    return True


@settings(deadline=None, max_examples=60)
@given(spans=st.lists(SPANS, max_size=12), moves=st.lists(st.tuples(st.integers(0, 5), SPANS), max_size=6))
def check_constraint(
    house: House, doctors: list[int], spans: list[Span], moves: list[tuple[int, Span]]
) -> None:
    kept: dict[int, Span] = {}

    def has_room(span: Span, slot_id: int) -> bool:
        return not any(span.overlaps(other) for key, other in kept.items() if key != slot_id)

    with house.database.transaction() as tx:
        for slot_id, span in enumerate(spans, start=1):
            row = {"doctor_id": doctors[0], "starts_at": span.starts_at, "ends_at": span.ends_at}
            blocked = {"state": "BLOCKED", "block_reason": "closed"}
            tx.execute(insert(Slot).values(row | blocked | {"id": 200 + slot_id}))
            assert is_accepted(tx, insert(Slot).values(row | {"id": slot_id})) == has_room(span, slot_id)
            if has_room(span, slot_id):
                kept[slot_id] = span
        for which, span in moves if kept else []:
            slot_id = sorted(kept)[which % len(kept)]
            times = {"starts_at": span.starts_at, "ends_at": span.ends_at}
            moved = is_accepted(tx, update(Slot).where(Slot.id == slot_id).values(times))
            assert moved == has_room(span, slot_id)
            kept[slot_id] = span if moved else kept[slot_id]
        whole = Span(MIDNIGHT, MIDNIGHT + timedelta(days=1))
        assert spans_in_the_way(tx, doctors[0], whole) == sorted(kept.values())
        assert spans_in_the_way(tx, doctors[1], whole) == []
        tx.rollback()
        if house.database.is_sqlite:
            tx.exec_driver_sql("BEGIN IMMEDIATE")


def test_the_database_refuses_exactly_what_overlaps(house: House) -> None:
    check_constraint(house, [house.add_doctor("Dr A"), house.add_doctor("Dr B")])


def test_a_slot_that_lost_its_room_meanwhile_is_left_out_and_the_rest_is_made(
    make_house: Callable[[str], House], postgres_url: str
) -> None:
    # On PostgreSQL alone: SQLite has one writer, so nothing happens meanwhile.
    house = make_house(postgres_url)
    doctor = house.add_doctor()
    house.add_slot(doctor, MIDNIGHT, 30)
    spans = [Span(MIDNIGHT + timedelta(minutes=m), MIDNIGHT + timedelta(minutes=m + 30)) for m in (15, 45)]

    with house.database.transaction() as tx:
        made = insert_slots(tx, doctor, spans)

    assert [row.starts_at for row in made] == [spans[1].starts_at]
