from structlog.testing import capture_logs

from app.notices import queue
from app.notices.reconciler import Round, deliver_due
from tests.notices.clinic import Clinic
from tests.servers import SmtpSink


class FakeQueue:
    """Remembers what was put into it; refuses everything when it is away."""

    def __init__(self, is_away: bool = False) -> None:
        self.is_away = is_away
        self.jobs: list[tuple[str, str]] = []

    def enqueue(self, name: str, argument: str) -> bool:
        if not self.is_away:
            self.jobs.append((name, argument))
        return not self.is_away


def test_what_is_due_goes_to_the_workers(clinic: Clinic, smtp_sink: SmtpSink):
    notice = clinic.notice()
    jobs = FakeQueue()

    done = deliver_due(clinic.sender(smtp_sink.url), jobs.enqueue)

    assert done == Round(enqueued=1)
    assert jobs.jobs == [("worker.jobs.send_notice", str(notice))]
    assert smtp_sink.messages() == []


def test_what_has_only_just_become_due_is_on_its_way_to_them_already(clinic: Clinic, smtp_sink: SmtpSink):
    clinic.notice()
    overdue = clinic.notice()
    clinic.let_back_off_end(overdue, seconds_ago=4)
    jobs = FakeQueue()

    done = deliver_due(clinic.sender(smtp_sink.url), jobs.enqueue, fresh_seconds=3.0)

    assert done == Round(enqueued=1)
    assert jobs.jobs == [("worker.jobs.send_notice", str(overdue))]


def test_without_the_job_queue_it_is_sent_all_the_same(clinic: Clinic, smtp_sink: SmtpSink):
    notice = clinic.notice()

    done = deliver_due(clinic.sender(smtp_sink.url), FakeQueue(is_away=True).enqueue)

    assert done == Round(sent=1)
    assert clinic.status(notice) == "SENT"
    assert len(smtp_sink.messages()) == 1


def test_what_the_workers_do_not_get_to_is_sent_here(clinic: Clinic, smtp_sink: SmtpSink):
    notice = clinic.notice()
    clinic.let_back_off_end(notice, seconds_ago=11)
    jobs = FakeQueue()

    done = deliver_due(clinic.sender(smtp_sink.url), jobs.enqueue)

    assert done == Round(sent=1)
    assert jobs.jobs == []
    assert clinic.status(notice) == "SENT"


def test_a_notice_in_the_hands_of_a_worker_is_left_alone(clinic: Clinic, smtp_sink: SmtpSink):
    notice = clinic.notice()
    clinic.claim(notice)

    done = deliver_due(clinic.sender(smtp_sink.url), FakeQueue(is_away=True).enqueue)

    assert done == Round()
    assert smtp_sink.messages() == []


def test_one_notice_that_fails_does_not_hold_up_the_others(clinic: Clinic, smtp_sink: SmtpSink):
    doctor = clinic.doctor()
    broken = clinic.notice(clinic.booking(doctor, patient_email="no address at all"))
    good = clinic.notice(clinic.booking(doctor))

    done = deliver_due(clinic.sender(smtp_sink.url), FakeQueue(is_away=True).enqueue)

    assert done == Round(sent=1)
    assert clinic.status(broken) == "FAILED"
    assert clinic.status(good) == "SENT"


def test_what_failed_for_two_days_is_given_up_loudly(clinic: Clinic, smtp_sink: SmtpSink):
    notice = clinic.notice()
    claim = clinic.claim(notice)
    clinic.database.run(lambda tx: queue.mark_failed(tx, claim, "421"))
    clinic.let_back_off_end(notice)
    clinic.age(notice, hours=49)

    with capture_logs() as lines:
        done = deliver_due(clinic.sender(smtp_sink.url), FakeQueue().enqueue)

    assert done == Round(given_up=1)
    assert clinic.status(notice) == "FAILED"
    assert [(line["log_level"], line["notice"]) for line in lines] == [("error", str(notice))]


def test_nothing_due_does_nothing(clinic: Clinic, smtp_sink: SmtpSink):
    assert deliver_due(clinic.sender(smtp_sink.url), FakeQueue().enqueue) == Round()


def test_workers_that_are_only_behind_are_not_helped(clinic: Clinic, smtp_sink: SmtpSink):
    doctor = clinic.doctor()
    done_by_them, behind = (clinic.notice(clinic.booking(doctor)) for _ in range(2))
    jobs, sender = FakeQueue(), clinic.sender(smtp_sink.url)
    before = deliver_due(sender, jobs.enqueue)
    sender.send(done_by_them)
    clinic.let_back_off_end(behind, seconds_ago=11)

    round_while_they_work = deliver_due(sender, jobs.enqueue, before)
    round_after_they_stopped = deliver_due(sender, jobs.enqueue, round_while_they_work)

    assert round_while_they_work == Round(enqueued=1)
    assert round_after_they_stopped == Round(sent=1)


def test_what_is_long_overdue_is_sent_here_whatever_the_workers_do(clinic: Clinic, smtp_sink: SmtpSink):
    doctor = clinic.doctor()
    done_by_them, forgotten = (clinic.notice(clinic.booking(doctor)) for _ in range(2))
    sender = clinic.sender(smtp_sink.url)
    before = deliver_due(sender, FakeQueue().enqueue)
    sender.send(done_by_them)
    clinic.let_back_off_end(forgotten, seconds_ago=61)

    assert deliver_due(sender, FakeQueue().enqueue, before) == Round(sent=1)
