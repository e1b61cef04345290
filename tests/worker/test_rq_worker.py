"""The worker as a process: killed, frozen out of Redis, lied to. Mails must arrive, and once."""

import asyncio
import os
import pickle
import signal
import smtplib
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from redis import Redis
from rq import Queue
from rq.job import Job
from rq.serializers import JSONSerializer, PickleSerializer

from app.clock import SystemClock
from app.coordination.breaker import Breaker
from app.coordination.connection import connect_redis
from app.notices.reconciler import SEND_JOB, deliver_due
from app.queue import QUEUE_NAME, JobQueue
from tests.notices.clinic import MAIL_FROM, Clinic
from tests.notices.test_smtp import MoodyServer, serving
from tests.servers import ROOT, RunningRedis, SmtpSink, clean_environment, eventually
from worker.stack.process import Child, Program

pytestmark = pytest.mark.system
StartWorker = Callable[..., Child]


@pytest.fixture
def start_worker(postgres_clinic: Clinic, tmp_path: Path) -> Iterator[StartWorker]:
    """Starts workers on the test's database; none is left afterwards."""
    children: list[Child] = []

    def start(redis_url: str, smtp_url: str) -> Child:
        settings = {
            "DATABASE_URL": postgres_clinic.database.url,
            "REDIS_URL": redis_url,
            "SMTP_URL": smtp_url,
            "MAIL_FROM": MAIL_FROM,
        }
        log = tmp_path / f"worker-{len(children)}.log"
        argv = (sys.executable, "-m", "worker.rq_worker")
        children.append(Child(Program("rq worker", argv, log, ROOT, clean_environment(**settings))))
        eventually(lambda: "Worker started" in log.read_text(), 20, "the worker's start")
        return children[-1]

    yield start
    for child in children:
        child.kill()


def job_queue(redis_url: str) -> JobQueue:
    return JobQueue(connect_redis(redis_url), Breaker(SystemClock()))


def test_a_worker_sends_what_is_enqueued(
    postgres_clinic: Clinic, redis_url: str, smtp_sink: SmtpSink, start_worker: StartWorker
):
    start_worker(redis_url, smtp_sink.url)
    notice = postgres_clinic.notice()

    job_queue(redis_url).enqueue(SEND_JOB, str(notice))

    (message,) = smtp_sink.wait_for(1)
    assert message["Message-ID"].startswith(f"<{notice}@")
    eventually(lambda: postgres_clinic.status(notice) == "SENT")
    eventually(lambda: _jobs_left(redis_url) == [], what="the job's end")


def test_a_worker_killed_while_sending_is_survived_and_the_mail_is_seen_once(
    postgres_clinic: Clinic, redis_url: str, smtp_sink: SmtpSink, start_worker: StartWorker
):
    notice = postgres_clinic.notice()
    victim = start_worker(redis_url, smtp_sink.url)
    os.kill(_pid(smtp_sink), signal.SIGSTOP)
    job_queue(redis_url).enqueue(SEND_JOB, str(notice))
    eventually(lambda: postgres_clinic.row(notice).claimed_until, what="the claim")

    victim.kill()
    os.kill(_pid(smtp_sink), signal.SIGCONT)
    start_worker(redis_url, smtp_sink.url)
    while_claimed = _reconcile(postgres_clinic, redis_url, smtp_sink)
    _let_a_minute_pass(postgres_clinic, notice)
    eventually(
        lambda: _reconcile(postgres_clinic, redis_url, smtp_sink) and postgres_clinic.status(notice) == "SENT"
    )

    assert while_claimed.sent == while_claimed.enqueued == 0, "the dead worker's claim must hold for a while"
    assert len(smtp_sink.messages()) == 1


def test_a_worker_killed_after_the_mail_was_taken_is_repeated_and_the_mail_is_seen_once(
    postgres_clinic: Clinic, redis_url: str, smtp_sink: SmtpSink, start_worker: StartWorker
):
    notice = postgres_clinic.notice()
    with serving(TakesAndKeepsSilent(smtp_sink)) as port:
        victim = start_worker(redis_url, f"smtp://127.0.0.1:{port}")
        job_queue(redis_url).enqueue(SEND_JOB, str(notice))
        smtp_sink.wait_for(1)
        victim.kill()
    after_the_kill = postgres_clinic.status(notice)

    start_worker(redis_url, smtp_sink.url)
    _let_a_minute_pass(postgres_clinic, notice)
    eventually(
        lambda: _reconcile(postgres_clinic, redis_url, smtp_sink) and postgres_clinic.status(notice) == "SENT"
    )

    assert after_the_kill == "QUEUED"
    assert smtp_sink.deliveries() == 2
    assert len(smtp_sink.messages()) == 1


class TakesAndKeepsSilent(MoodyServer):
    """Hands the mail on to the sink, and never says that it has it."""

    def __init__(self, sink: SmtpSink) -> None:
        super().__init__()
        self.sink = sink

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        with smtplib.SMTP("127.0.0.1", self.sink.port) as onward:
            onward.sendmail("bookings@clinic.example", envelope.rcpt_tos, bytes(envelope.content or b""))
        await asyncio.Event().wait()
        return "250 too late"


def test_without_redis_the_leader_delivers(
    postgres_clinic: Clinic, own_redis: RunningRedis, smtp_sink: SmtpSink, start_worker: StartWorker
):
    start_worker(own_redis.url, smtp_sink.url)
    jobs = job_queue(own_redis.url)
    own_redis.kill()
    notice = postgres_clinic.notice()

    enqueued = jobs.enqueue(SEND_JOB, str(notice))
    done = deliver_due(postgres_clinic.sender(smtp_sink.url), jobs.enqueue)

    assert not enqueued
    assert done.sent == 1
    assert len(smtp_sink.messages()) == 1


def test_a_queue_lost_with_redis_loses_no_mail(
    postgres_clinic: Clinic, redis_url: str, smtp_sink: SmtpSink, start_worker: StartWorker
):
    notice = postgres_clinic.notice()
    job_queue(redis_url).enqueue(SEND_JOB, str(notice))
    with Redis.from_url(redis_url) as redis:
        redis.flushall()

    start_worker(redis_url, smtp_sink.url)
    _reconcile(postgres_clinic, redis_url, smtp_sink)

    eventually(lambda: postgres_clinic.status(notice) == "SENT")
    assert smtp_sink.deliveries() == 1


def test_a_worker_outlives_a_restart_of_redis(
    postgres_clinic: Clinic, own_redis: RunningRedis, smtp_sink: SmtpSink, start_worker: StartWorker
):
    worker = start_worker(own_redis.url, smtp_sink.url)
    own_redis.kill()
    own_redis.restart()
    notice = postgres_clinic.notice()

    assert job_queue(own_redis.url).enqueue(SEND_JOB, str(notice))

    eventually(lambda: postgres_clinic.status(notice) == "SENT", 15)
    assert worker.is_alive


def test_a_worker_started_before_redis_waits_for_it(
    postgres_clinic: Clinic, own_redis: RunningRedis, smtp_sink: SmtpSink, start_worker: StartWorker
):
    own_redis.kill()
    worker = start_worker(own_redis.url, smtp_sink.url)
    eventually(lambda: "does not answer" in worker.last_words(50), what="the first failure")

    own_redis.restart()
    notice = postgres_clinic.notice()
    job_queue(own_redis.url).enqueue(SEND_JOB, str(notice))

    eventually(lambda: postgres_clinic.status(notice) == "SENT", 15)
    assert worker.is_alive


def test_a_mail_server_that_was_away_gets_the_mail_once(
    postgres_clinic: Clinic, redis_url: str, smtp_sink: SmtpSink, start_worker: StartWorker
):
    start_worker(redis_url, smtp_sink.url)
    smtp_sink.stop()
    notice = postgres_clinic.notice()
    job_queue(redis_url).enqueue(SEND_JOB, str(notice))
    eventually(lambda: postgres_clinic.row(notice).last_error, what="the failed attempt")

    smtp_sink.start()
    postgres_clinic.let_back_off_end(notice)
    _reconcile(postgres_clinic, redis_url, smtp_sink)

    eventually(lambda: postgres_clinic.status(notice) == "SENT")
    assert postgres_clinic.row(notice).attempts == 2
    assert smtp_sink.deliveries() == 1


def test_asked_to_stop_while_sending_a_worker_finishes_the_mail_first(
    postgres_clinic: Clinic, redis_url: str, smtp_sink: SmtpSink, start_worker: StartWorker
):
    notice = postgres_clinic.notice()
    worker = start_worker(redis_url, smtp_sink.url)
    os.kill(_pid(smtp_sink), signal.SIGSTOP)
    job_queue(redis_url).enqueue(SEND_JOB, str(notice))
    eventually(lambda: postgres_clinic.row(notice).claimed_until, what="the claim")

    worker.ask_to_stop()
    os.kill(_pid(smtp_sink), signal.SIGCONT)

    assert worker.wait(10)
    assert worker.exit_code == 0
    assert postgres_clinic.status(notice) == "SENT"


def test_an_idle_worker_stops_at_once_when_asked(
    redis_url: str, smtp_sink: SmtpSink, start_worker: StartWorker
):
    worker = start_worker(redis_url, smtp_sink.url)
    eventually(lambda: _worker_count(redis_url) == 1, what="the worker's registration")

    worker.ask_to_stop()

    assert worker.wait(5)
    assert worker.exit_code == 0
    assert _worker_count(redis_url) == 0


class Canary:
    """What a pickle can do to whoever opens it."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (self.path,)


def test_a_malicious_pickle_is_refused_and_the_worker_lives(
    postgres_clinic: Clinic, redis_url: str, smtp_sink: SmtpSink, start_worker: StartWorker, tmp_path: Path
):
    canary = tmp_path / "pickle-was-opened"
    data = pickle.dumps(("worker.jobs.send_notice", None, (Canary(canary),), {}))
    with Redis.from_url(redis_url) as redis:
        queue = Queue(QUEUE_NAME, connection=redis, serializer=PickleSerializer)
        job = Job.create("worker.jobs.send_notice", connection=redis, serializer=PickleSerializer)
        job.data = data
        queue.enqueue_job(job)

    _expect_refusal(postgres_clinic, redis_url, smtp_sink, start_worker, job.id)

    assert not canary.exists()


def test_the_pickle_of_this_test_would_have_done_its_work(tmp_path: Path):
    canary = tmp_path / "pickle-was-opened"

    pickle.loads(pickle.dumps(Canary(canary)))

    assert canary.is_dir()


def test_functions_that_are_no_jobs_are_refused_and_the_worker_lives(
    postgres_clinic: Clinic, redis_url: str, smtp_sink: SmtpSink, start_worker: StartWorker, tmp_path: Path
):
    canary = tmp_path / "was-called"
    smuggled = []
    with Redis.from_url(redis_url) as redis:
        queue = Queue(QUEUE_NAME, connection=redis, serializer=JSONSerializer)
        for function in ("os.mkdir", "worker.jobs.build_sender", "worker.jobs.log.info", ""):
            job = Job.create("os.mkdir", connection=redis, serializer=JSONSerializer)
            job.data = JSONSerializer.dumps([function, None, [str(canary)], {}])
            smuggled.append(queue.enqueue_job(job).id)

    _expect_refusal(postgres_clinic, redis_url, smtp_sink, start_worker, *smuggled)

    assert not canary.exists()


def test_callbacks_of_a_smuggled_job_are_never_called(
    postgres_clinic: Clinic, redis_url: str, smtp_sink: SmtpSink, start_worker: StartWorker
):
    with Redis.from_url(redis_url) as redis:
        queue = Queue(QUEUE_NAME, connection=redis, serializer=JSONSerializer)
        job = queue.enqueue(SEND_JOB, args=(str(uuid.uuid4()),), result_ttl=60)
        redis.hset(job.key, mapping={"success_callback_name": "os.abort", "success_callback_timeout": "5"})

    worker = start_worker(redis_url, smtp_sink.url)

    with Redis.from_url(redis_url) as redis:
        eventually(lambda: redis.hget(job.key, "status") == b"finished", what="the job's end")
    assert worker.is_alive


UNREADABLE: list[dict[str, str | bytes]] = [
    {"data": b"\x80\x04garbage", "timeout": "never", "created_at": "yesterday"},
    {"status": "impossible", "data": b"{}"},
    {"data": b"[]", "dependency_ids": b"not json", "status": "queued"},
    {"nothing": "here"},
]


def test_jobs_that_cannot_be_read_are_left_aside_and_the_worker_lives(
    postgres_clinic: Clinic, redis_url: str, smtp_sink: SmtpSink, start_worker: StartWorker
):
    with Redis.from_url(redis_url) as redis:
        for number, content in enumerate(UNREADABLE):
            redis.hset(f"rq:job:garbage-{number}", mapping=content)
            redis.rpush(f"rq:queue:{QUEUE_NAME}", f"garbage-{number}")
    notice = postgres_clinic.notice()
    job_queue(redis_url).enqueue(SEND_JOB, str(notice))

    worker = start_worker(redis_url, smtp_sink.url)

    eventually(lambda: postgres_clinic.status(notice) == "SENT")
    assert worker.is_alive
    assert "quitting" not in worker.last_words(500), "it was not ended and started anew"


def test_a_wrong_setting_ends_the_worker_with_one_line(tmp_path: Path, postgres_clinic: Clinic):
    settings = {"DATABASE_URL": postgres_clinic.database.url, "SMTP_URL": "http://user:hunter2@mail.example"}
    argv = (sys.executable, "-m", "worker.rq_worker")
    child = Child(Program("rq worker", argv, tmp_path / "log", ROOT, clean_environment(**settings)))

    assert child.wait(20)

    assert child.exit_code == 1
    assert child.last_words(10).startswith("rq_worker: SMTP_URL: use smtp://")
    assert "hunter2" not in child.last_words(10)


def _expect_refusal(
    clinic: Clinic, redis_url: str, sink: SmtpSink, start_worker: StartWorker, *job_ids: str
) -> None:
    """The jobs end as failed, and the worker that met them sends a mail afterwards."""
    notice = clinic.notice()
    job_queue(redis_url).enqueue(SEND_JOB, str(notice))
    worker = start_worker(redis_url, sink.url)
    eventually(lambda: clinic.status(notice) == "SENT")
    with Redis.from_url(redis_url) as redis:
        assert {redis.hget(f"rq:job:{job_id}", "status") for job_id in job_ids} == {b"failed"}
    assert worker.is_alive


def _reconcile(clinic: Clinic, redis_url: str, sink: SmtpSink):
    return deliver_due(clinic.sender(sink.url), job_queue(redis_url).enqueue)


def _let_a_minute_pass(clinic: Clinic, notice: uuid.UUID) -> None:
    clinic.let_claim_lapse(notice, seconds_ago=60)
    clinic.let_back_off_end(notice, seconds_ago=60)


def _pid(sink: SmtpSink) -> int:
    assert sink.child is not None
    return sink.child.pid


def _jobs_left(redis_url: str) -> list[bytes]:
    with Redis.from_url(redis_url) as redis:
        return list(redis.scan_iter("rq:job:send_notice*"))


def _worker_count(redis_url: str) -> int:
    with Redis.from_url(redis_url) as redis:
        return int(redis.scard("rq:workers"))
