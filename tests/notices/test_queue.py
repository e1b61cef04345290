import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, select

from app.notices import queue
from app.tables.journal import Notice
from tests.notices.clinic import Clinic


def test_a_notice_added_twice_is_one_notice(clinic: Clinic):
    booking = clinic.booking()

    first = clinic.notice(booking, "confirmation", 0)
    second = clinic.notice(booking, "confirmation", 0)

    assert first == second
    assert clinic.due() == [first]


def test_a_notice_disappears_with_the_transaction_that_added_it(clinic: Clinic):
    booking = clinic.booking()

    def book_and_fail(tx: Connection) -> None:
        queue.add(tx, booking, "confirmation", 0)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        clinic.database.run(book_and_fail)

    assert clinic.due() == []


def test_an_unknown_kind_is_refused_before_it_is_stored(clinic: Clinic):
    booking = clinic.booking()

    with pytest.raises(ValueError, match="invoice"):
        clinic.notice(booking, "invoice", 0)


def test_a_claimed_notice_is_claimed_by_nobody_else(clinic: Clinic):
    notice = clinic.notice()

    first, second = clinic.claim(notice), clinic.claim(notice)

    assert first is not None
    assert first.attempt == 1
    assert second is None
    assert clinic.due() == []


def test_of_eight_senders_released_together_one_gets_the_claim(clinic: Clinic):
    notice = clinic.notice()

    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda _: clinic.claim(notice), range(8)))

    assert [claim.attempt for claim in claims if claim] == [1]


def test_the_claim_of_a_dead_sender_lapses(clinic: Clinic):
    notice = clinic.notice()
    clinic.claim(notice)

    clinic.let_claim_lapse(notice)
    clinic.let_back_off_end(notice)
    again = clinic.claim(notice)

    assert again is not None
    assert again.attempt == 2


def test_a_claim_holds_after_the_back_off_has_ended(clinic: Clinic):
    notice = clinic.notice()
    clinic.claim(notice)

    clinic.let_back_off_end(notice)

    assert clinic.due() == []
    assert clinic.claim(notice) is None


def test_a_sender_that_dies_backs_off_too(clinic: Clinic):
    notice = clinic.notice()
    clinic.claim(notice)

    clinic.let_claim_lapse(notice)

    assert clinic.claim(notice) is None, "the next attempt must wait for its back-off"


def test_a_sent_notice_is_never_due_again(clinic: Clinic):
    notice = clinic.notice()
    claim = clinic.claim(notice)

    clinic.database.run(lambda tx: queue.mark_all_sent(tx, [claim]))
    clinic.let_back_off_end(notice)

    assert clinic.row(notice).status == "SENT"
    assert clinic.row(notice).sent_at is not None
    assert clinic.due() == []
    assert clinic.claim(notice) is None


def test_what_a_slow_sender_did_send_counts_although_its_claim_had_lapsed(clinic: Clinic):
    notice = clinic.notice()
    slow = clinic.claim(notice)
    clinic.let_claim_lapse(notice)
    clinic.let_back_off_end(notice)
    clinic.claim(notice)

    clinic.database.run(lambda tx: queue.mark_all_sent(tx, [slow]))

    assert clinic.status(notice) == "SENT"


def test_the_failure_of_a_slow_sender_does_not_end_the_claim_of_the_next(clinic: Clinic):
    notice = clinic.notice()
    slow = clinic.claim(notice)
    clinic.let_claim_lapse(notice)
    clinic.let_back_off_end(notice)
    clinic.claim(notice)

    assert not clinic.database.run(lambda tx: queue.mark_failed(tx, slow, "timed out"))

    assert clinic.row(notice).claimed_until is not None
    assert clinic.row(notice).last_error is None


def test_a_failed_attempt_waits_for_its_back_off_and_keeps_its_reason(clinic: Clinic):
    notice = clinic.notice()
    claim = clinic.claim(notice)

    clinic.database.run(lambda tx: queue.mark_failed(tx, claim, "x" * 400))
    waiting = clinic.due()
    clinic.let_back_off_end(notice)

    assert waiting == []
    assert clinic.due() == [notice]
    assert clinic.row(notice).last_error == "x" * 300


def test_back_off_grows_from_seconds_to_an_hour(clinic: Clinic):
    notice = clinic.notice()
    waits = []

    for _ in range(8):
        clinic.let_claim_lapse(notice)
        clinic.let_back_off_end(notice)
        clinic.claim(notice)
        row = clinic.row(notice)
        # The claim begins at the same moment.
        waits.append(round((row.next_attempt_at - row.claimed_until).total_seconds()) + queue.CLAIM_SECONDS)

    assert waits == [5, 15, 60, 300, 900, 3600, 3600, 3600]


def test_back_off_is_counted_by_the_clock_of_the_database(clinic: Clinic):
    notice = clinic.notice()
    added = clinic.row(notice).next_attempt_at

    clinic.claim(notice)

    assert 4.5 < (clinic.row(notice).next_attempt_at - added).total_seconds() < 15


def test_after_48_hours_of_failure_a_notice_is_given_up_and_visible(clinic: Clinic):
    notice = clinic.notice()
    claim = clinic.claim(notice)
    clinic.database.run(lambda tx: queue.mark_failed(tx, claim, "421"))
    clinic.let_back_off_end(notice)
    clinic.age(notice, hours=49)

    given_up = clinic.database.run(queue.give_up)

    assert given_up == [notice]
    assert clinic.row(notice).status == "FAILED"
    assert clinic.row(notice).last_error == "421"


def test_an_old_notice_nobody_ever_tried_is_tried_before_it_is_given_up(clinic: Clinic):
    notice = clinic.notice()
    clinic.age(notice, hours=49)

    assert clinic.database.run(queue.give_up) == []

    assert clinic.due() == [notice]


def test_the_confirmation_goes_out_before_the_cancellation(clinic: Clinic):
    booking = clinic.booking()
    confirmation = clinic.notice(booking, "confirmation", 0)
    cancellation = clinic.notice(booking, "cancellation", 1)

    first = clinic.due()
    claim = clinic.claim(confirmation)
    too_early = clinic.claim(cancellation)
    clinic.database.run(lambda tx: queue.mark_all_sent(tx, [claim]))

    assert first == [confirmation]
    assert too_early is None
    assert clinic.due() == [cancellation]


def test_a_confirmation_that_cannot_be_sent_does_not_hold_up_the_cancellation(clinic: Clinic):
    booking = clinic.booking()
    confirmation = clinic.notice(booking, "confirmation", 0)
    cancellation = clinic.notice(booking, "cancellation", 1)
    claim = clinic.claim(confirmation)

    clinic.database.run(lambda tx: queue.mark_failed(tx, claim, "421"))

    assert clinic.due() == [cancellation]


def test_a_confirmation_that_failed_is_superseded_by_the_cancellation(clinic: Clinic):
    booking = clinic.booking()
    confirmation = clinic.notice(booking, "confirmation", 0)
    first = clinic.claim(confirmation)
    clinic.database.run(lambda tx: queue.mark_failed(tx, first, "421"))
    clinic.notice(booking, "cancellation", 1)
    clinic.let_back_off_end(confirmation)

    second = clinic.claim(confirmation)

    assert not first.is_superseded
    assert second is not None
    assert second.is_superseded


def test_the_notices_of_other_bookings_do_not_wait_for_each_other(clinic: Clinic):
    doctor = clinic.doctor()
    one = clinic.notice(clinic.booking(doctor), "confirmation", 0)
    other = clinic.notice(clinic.booking(doctor), "cancellation", 1)

    assert set(clinic.due()) == {one, other}


def test_overdue_seconds_say_how_long_a_notice_has_been_waiting(clinic: Clinic):
    notice = clinic.notice()
    clinic.let_back_off_end(notice, seconds_ago=30)

    with clinic.database.read() as connection:
        (waiting,) = queue.due(connection)

    assert waiting.id == notice
    assert 29 < waiting.overdue_seconds < 45


def test_a_notice_that_does_not_exist_cannot_be_claimed(clinic: Clinic):
    assert clinic.claim(uuid.uuid4()) is None


def test_what_somebody_else_has_locked_is_left_to_them_at_once(postgres_clinic: Clinic):
    locked, free = postgres_clinic.notice(), postgres_clinic.notice()

    with postgres_clinic.database.transaction() as other:
        other.execute(select(Notice.id).where(Notice.id == locked).with_for_update())
        claims = postgres_clinic.database.run(lambda tx: queue.claim_all(tx, [locked, free]))

    assert [claim.notice_id for claim in claims] == [free]
    assert postgres_clinic.claim(locked) is not None
