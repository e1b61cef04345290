"""`python -m tests.cost_of_mails [MAILS]`: the CPU a mail costs every process that takes part.

Not a test: the numbers are for docs/speed.md. The servers are real, worker and mail sink as in `make run`."""

from __future__ import annotations

import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
from sqlalchemy import func, insert, select

from app.clock import SystemClock
from app.config import Config
from app.coordination.breaker import Breaker
from app.coordination.connection import connect_redis
from app.database import Database
from app.notices.reconciler import SEND_JOB
from app.queue import JobQueue
from app.tables import Booking, Doctor, Notice
from tests.servers import (
    ROOT,
    clean_environment,
    eventually,
    run_python_module,
    running_postgres,
    running_redis,
    running_smtp_sink,
    throwaway_folder,
)
from worker.stack.process import Child, Program

MAILS = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
ROUNDS, WARM_UP = 3, 40
BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
HALF_AN_HOUR = timedelta(minutes=30)


def main() -> None:
    with (
        running_postgres() as postgres,
        running_redis() as redis,
        running_smtp_sink() as sink,
        throwaway_folder() as folder,
    ):
        url = postgres.create_database("mails")
        run_python_module("app.migrate", DATABASE_URL=url)
        config = Config.from_env({"APP_ENV": "test", "DATABASE_URL": url})
        database = Database(config.database_url, 4, config.keyring)
        jobs = JobQueue(connect_redis(redis.url), Breaker(SystemClock()))
        settings = {"DATABASE_URL": url, "REDIS_URL": redis.url, "SMTP_URL": sink.url}
        with _worker(folder / "log", settings) as worker:
            _tell(database, jobs, WARM_UP)
            seen = {
                "worker": [psutil.Process(worker.pid)],
                "mail sink": [psutil.Process(sink.child.pid)] if sink.child else [],
                "postgres": _servers(int((postgres.data / "postmaster.pid").read_text().split()[0])),
                "redis": [psutil.Process(redis.child.pid)],
            }
            for _ in range(ROUNDS):
                before = {name: _cpu_seconds(processes) for name, processes in seen.items()}
                making, elapsed = _tell(database, jobs, MAILS)
                used = {name: _cpu_seconds(processes) - before[name] for name, processes in seen.items()}
                costs = {"making jobs": making, **used}
                told = "   ".join(f"{name} {cost / MAILS * 1000:.3f}" for name, cost in costs.items())
                print(f"ms of CPU per mail: {told}   ({elapsed:.1f} s)", flush=True)
        database.dispose()


@contextmanager
def _worker(log: Path, settings: dict[str, str]) -> Iterator[Child]:
    argv = (sys.executable, "-m", "worker.rq_worker")
    child = Child(Program("rq worker", argv, log, ROOT, clean_environment(**settings)))
    try:
        eventually(lambda: "Worker started" in log.read_text(), 30, "the worker's start")
        yield child
    finally:
        child.stop()


def _tell(database: Database, jobs: JobQueue, count: int) -> tuple[float, float]:
    """CPU seconds for making the jobs, in our own thread, and seconds until the last notice is sent."""
    notices = _booked(database, count)
    began, began_cpu = time.monotonic(), time.thread_time()
    # As they come from a node: what gathered while it rested.
    for start in range(0, count, 100):
        jobs.enqueue_all([(SEND_JOB, str(each)) for each in notices[start : start + 100]])
    making = time.thread_time() - began_cpu
    eventually(lambda: time.sleep(0.2) or _are_sent(database), 120, "the last mail")
    return making, time.monotonic() - began


def _booked(database: Database, count: int) -> list[uuid.UUID]:
    """Confirmed bookings and their notices, as many."""
    ids, notices = ([uuid.uuid4() for _ in range(count)] for _ in range(2))
    doctor = {"name": "Ada Lind", "specialization": "C", "hospital": "Riverside", "timezone": "Europe/Berlin"}
    with database.transaction() as tx:
        doctor_id = tx.execute(insert(Doctor).values(doctor).returning(Doctor.id)).scalar_one()
        tx.execute(insert(Booking), [
            {"id": each, "reference": each.hex[:7].upper(), "status": "CONFIRMED", "doctor_id": doctor_id,
             "starts_at": BEGIN + n * HALF_AN_HOUR, "ends_at": BEGIN + (n + 1) * HALF_AN_HOUR,
             "patient_name": "Mia Berg", "patient_email": f"mia-{n}@example.org", "processed_by": "node-1"}
            for n, each in enumerate(ids)
        ])  # fmt: skip
        tx.execute(insert(Notice), [
            {"id": notice, "booking_id": each, "kind": "confirmation"}
            for notice, each in zip(notices, ids, strict=True)
        ])  # fmt: skip
    return notices


def _are_sent(database: Database) -> bool:
    with database.read() as connection:
        left = select(func.count()).where(Notice.status == "QUEUED")
        return connection.execute(left).scalar_one() == 0


def _servers(postmaster: int) -> list[psutil.Process]:
    """The server and the sessions it has now; the worker's is among them."""
    server = psutil.Process(postmaster)
    return [server, *server.children()]


def _cpu_seconds(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


if __name__ == "__main__":
    main()
