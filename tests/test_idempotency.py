"""One key, one answer: for repeats, for races, and when the reply to COMMIT is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, event, func, insert, select
from sqlalchemy.exc import DBAPIError

from app import idempotency
from app.booking.errors import BookingConflict
from app.database import Database, TransientFailure
from app.errors import (
    Conflict,
    IdempotencyKeyReused,
    NotFound,
    OutcomeUnknown,
    Refusal,
    RequestInProgress,
    Unavailable,
    ValidationFailed,
)
from app.idempotency import Answer, RequestKey, once
from app.tables import Doctor, IdempotencyRecord
from tests.commit_cutter import CommitCutter, Cut, commit_cutter
from tests.keys import KEYRING
from tests.lineup import is_waiting
from tests.servers import eventually
from tests.sessions import end_sessions_of
from tests.together import together

Work = Callable[[Connection], dict[str, Any]]


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    yield from _opened(database_url)


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[Database]:
    yield from _opened(postgres_url)


def _opened(url: str) -> Iterator[Database]:
    database = Database(url, keyring=KEYRING)
    yield database
    database.dispose()


def key(name: str = "key-1", body: Any = "body", scope: str = "anna") -> RequestKey:
    return RequestKey.of(scope, name, body)


def hire(name: str = "Dr Ada Probe") -> Work:
    """Something that leaves a trace."""

    def work(tx: Connection) -> dict[str, Any]:
        values = {"name": name, "specialization": "Cardiology", "timezone": "UTC"}
        number = tx.execute(insert(Doctor).values(values).returning(Doctor.id)).scalar_one()
        return {"id": str(number), "name": name, "tags": ["a", "b"], "nested": {"none": None, "half": 0.5}}

    return work


def hire_then(ending: Exception) -> Work:
    """Leaves a trace and then fails, so the trace must go."""

    def work(tx: Connection) -> dict[str, Any]:
        hire()(tx)
        raise ending

    return work


def must_not_run(tx: Connection) -> dict[str, Any]:
    raise AssertionError("the stored answer was to be given")


def count(database: Database, table: Any) -> int:
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def ending(database: Database, request: RequestKey | None, work: Work) -> Refusal:
    with pytest.raises(Refusal) as caught:
        once(database, request, work)
    return caught.value


def test_a_repeat_gets_the_stored_answer(database: Database) -> None:
    first = once(database, key(), hire())

    again = once(database, key(), must_not_run)

    assert again == Answer(first.value, replayed=True)
    assert not first.replayed
    assert count(database, Doctor) == 1


def test_the_same_key_for_another_request_is_refused(database: Database) -> None:
    once(database, key(body={"slot": 1}), hire())

    refusal = ending(database, key(body={"slot": 2}), must_not_run)

    assert isinstance(refusal, IdempotencyKeyReused)
    assert count(database, Doctor) == 1


def test_the_order_of_members_does_not_make_another_request(database: Database) -> None:
    once(database, key(body={"slot": 1, "name": "Anna"}), hire())

    again = once(database, key(body={"name": "Anna", "slot": 1}), must_not_run)

    assert again.replayed


@pytest.mark.parametrize("other", [{"scope": "bo"}, {"name": "key-2"}])
def test_another_scope_or_key_is_another_request(database: Database, other: dict[str, str]) -> None:
    once(database, key(), hire())

    second = once(database, key(**other), hire())

    assert not second.replayed
    assert count(database, Doctor) == 2


def test_without_a_key_nothing_is_remembered(database: Database) -> None:
    answers = [once(database, None, hire()), once(database, None, hire())]

    assert [answer.replayed for answer in answers] == [False, False]
    assert count(database, IdempotencyRecord) == 0


@pytest.mark.parametrize(
    "refusal",
    [
        NotFound("There is no such slot.", slot_id="7"),
        ValidationFailed.of("name", "say who comes"),
        Conflict("That address is in use."),
        BookingConflict(
            "Taken.", reason="SLOT_TAKEN", alternatives=[{"id": "8", "starts_at": "2030-01-07T09:00:00Z"}]
        ),
    ],
)
def test_a_refusal_is_stored_and_repeated_equal_without_its_writes(
    database: Database, refusal: Refusal
) -> None:
    first = ending(database, key(), hire_then(refusal))

    again = ending(database, key(), must_not_run)

    for seen in (first, again):
        assert type(seen) is type(refusal)
        assert (seen.detail, seen.extras) == (refusal.detail, refusal.extras)
    assert (first.replayed, again.replayed) == (False, True)
    assert count(database, Doctor) == 0


def test_a_refusal_without_a_key_undoes_its_writes_too(database: Database) -> None:
    ending(database, None, hire_then(NotFound("There is no such slot.")))

    assert count(database, Doctor) == 0


@pytest.mark.parametrize("failure", [Unavailable("Redis and all"), TransientFailure(), ValueError("a bug")])
def test_nothing_is_stored_for_a_passing_failure(
    database: Database, failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.database.MOST_ATTEMPTS", 2)
    with pytest.raises((Unavailable, ValueError)):
        once(database, key(), hire_then(failure))
    stored = count(database, IdempotencyRecord)

    retried = once(database, key(), hire())

    assert stored == 0
    assert not retried.replayed
    assert count(database, Doctor) == 1


def test_an_error_of_the_database_stores_nothing(database: Database) -> None:
    once(database, None, hire())
    with database.read() as connection:
        taken = connection.execute(select(Doctor.id)).scalar_one()

    def twice_the_same_id(tx: Connection) -> dict[str, Any]:
        values = {"id": taken, "name": "Twin", "specialization": "x", "timezone": "UTC"}
        tx.execute(insert(Doctor).values(values))
        return {}

    with pytest.raises(DBAPIError):
        once(database, key(), twice_the_same_id)

    assert count(database, IdempotencyRecord) == 0


def test_a_connection_that_dies_before_the_key_is_taken_stores_nothing(
    postgres: Database, postgres_url: str
) -> None:
    @event.listens_for(postgres.engine, "before_cursor_execute", once=True)
    def cut(*_: Any) -> None:
        end_sessions_of(postgres_url)

    with pytest.raises(Unavailable) as caught:
        once(postgres, key(), must_not_run)

    assert not isinstance(caught.value, OutcomeUnknown)
    assert count(postgres, IdempotencyRecord) == 0


def test_a_connection_that_dies_during_the_work_stores_nothing(postgres: Database, postgres_url: str) -> None:
    def die(tx: Connection) -> dict[str, Any]:
        hire()(tx)
        end_sessions_of(postgres_url)
        return hire()(tx)

    with pytest.raises(Unavailable) as caught:
        once(postgres, key(), die)

    assert not isinstance(caught.value, OutcomeUnknown)
    assert count(postgres, IdempotencyRecord) + count(postgres, Doctor) == 0


def test_work_that_met_a_deadlock_is_done_again_and_answered_once(database: Database) -> None:
    attempts: list[int] = []

    def second_time_lucky(tx: Connection) -> dict[str, Any]:
        attempts.append(1)
        done = hire()(tx)
        if len(attempts) == 1:
            raise TransientFailure
        return done

    answer = once(database, key(), second_time_lucky)

    assert not answer.replayed
    assert len(attempts) == 2
    assert count(database, Doctor) == 1


def test_twenty_duplicates_at_once_are_done_once(database: Database) -> None:
    answers = together([lambda: once(database, key(), hire())] * 20)

    assert sorted(answer.replayed for answer in answers) == [False] + [True] * 19
    assert len({answer.value["id"] for answer in answers}) == 1
    assert count(database, Doctor) == 1


def test_a_repeat_that_comes_before_a_refusal_is_kept_decides_for_both(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, repeated = database.run, list[Answer]()

    def run_late(work: Any, *more: Any) -> Any:
        if getattr(work, "func", None) is idempotency._remember:
            repeated.append(once(database, key(), hire()))
        return run(work, *more)

    monkeypatch.setattr(database, "run", run_late)

    answer = once(database, key(), hire_then(NotFound("The slot is gone.")))

    assert answer == Answer(repeated[0].value, replayed=True)
    assert once(database, key(), must_not_run) == answer
    assert count(database, Doctor) == 1


def test_a_duplicate_of_a_request_still_running_hears_so(postgres: Database) -> None:
    with postgres.transaction() as running:
        idempotency._take(running, key())

        refusal = ending(postgres, key(), must_not_run)

    assert isinstance(refusal, RequestInProgress)
    assert refusal.retryable


def test_a_duplicate_of_a_request_that_failed_while_it_waited_does_the_work(postgres: Database) -> None:
    with ThreadPoolExecutor(1) as pool:
        with postgres.transaction() as failing:
            idempotency._take(failing, key())
            waiting = pool.submit(once, postgres, key(), hire())
            eventually(lambda: is_waiting(postgres), 2, "the duplicate waits")
            failing.rollback()
        answer = waiting.result()

    assert not answer.replayed
    assert count(postgres, Doctor) == 1


def test_a_record_forgotten_while_we_waited_is_written_anew(postgres: Database) -> None:
    """The record of an old key may be swept away between our insert and our look."""
    once(postgres, key(), hire())
    looked: list[int] = []
    stored_answer = idempotency._stored_answer

    def forget_first(connection: Connection, request: RequestKey) -> Any:
        if not looked:
            with postgres.transaction() as other:
                other.execute(IdempotencyRecord.__table__.delete())
        looked.append(1)
        return stored_answer(connection, request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(idempotency, "_stored_answer", forget_first)
        answer = once(postgres, key(), hire())

    assert not answer.replayed
    assert once(postgres, key(), must_not_run).value == answer.value


def test_a_code_nobody_knows_any_more_is_a_bug_that_says_so(database: Database) -> None:
    class Retired(Refusal):
        code = "RETIRED"

    ending(database, key(), hire_then(Retired("gone")))
    Retired.code = "RENAMED"

    with pytest.raises(AssertionError, match="RETIRED"):
        once(database, key(), must_not_run)


@pytest.fixture
def cut_wire(postgres_url: str) -> Iterator[tuple[CommitCutter, Database]]:
    """A database behind a wire that can be cut at a COMMIT."""
    with commit_cutter(postgres_url) as (cutter, url):
        database = Database(url, keyring=KEYRING)
        yield cutter, database
        database.dispose()


def test_a_lost_reply_to_commit_is_resolved_by_the_key(cut_wire: tuple[CommitCutter, Database]) -> None:
    cutter, database = cut_wire
    cutter.cut(Cut.AFTER_COMMIT_IS_DONE)

    answer = once(database, key(), hire())

    assert cutter.cuts_made == 1
    assert not answer.replayed
    assert once(database, key(), must_not_run) == Answer(answer.value, replayed=True)
    assert count(database, Doctor) == 1


def test_a_refusal_whose_commit_lost_its_reply_is_the_refusal(
    cut_wire: tuple[CommitCutter, Database],
) -> None:
    cutter, database = cut_wire
    cutter.cut(Cut.AFTER_COMMIT_IS_DONE)

    refusal = ending(database, key(), hire_then(NotFound("There is no such slot.")))

    assert cutter.cuts_made == 1
    assert isinstance(refusal, NotFound)
    assert not refusal.replayed


@pytest.mark.parametrize("where", [Cut.BEFORE_COMMIT_ARRIVES, Cut.FOR_GOOD])
def test_an_outcome_nobody_can_tell_is_unknown_and_never_a_false_answer(
    cut_wire: tuple[CommitCutter, Database], postgres: Database, where: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    cutter, database = cut_wire
    monkeypatch.setattr(idempotency, "RESOLVE_SECONDS", 0.3)
    cutter.cut(where)

    with pytest.raises(OutcomeUnknown):
        once(database, key(), hire())
    again = once(postgres, key(), hire())

    assert cutter.cuts_made == 1
    assert again.replayed is (where is Cut.FOR_GOOD)
    assert count(postgres, Doctor) == 1


def test_without_a_key_a_lost_reply_stays_unknown(cut_wire: tuple[CommitCutter, Database]) -> None:
    cutter, database = cut_wire
    cutter.cut(Cut.AFTER_COMMIT_IS_DONE)

    with pytest.raises(OutcomeUnknown):
        once(database, None, hire())

    assert count(database, Doctor) == 1
