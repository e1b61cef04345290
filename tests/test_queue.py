import json
import zlib
from datetime import UTC, datetime

from redis import Redis
from rq.serializers import JSONSerializer

from app.clock import ManualClock, SystemClock
from app.coordination.breaker import Breaker
from app.coordination.connection import connect_redis
from app.queue import QUEUE_NAME, JobQueue, enqueue_later
from tests.moments import no_longer_than
from tests.servers import RunningRedis, eventually
from worker.known_job import KnownJob

JOB = "worker.jobs.send_notice"
NOTICE = "0a8f3a56-6d56-4b52-a9a4-3c6e1f1f0d11"


def a_queue(url: str) -> JobQueue:
    return JobQueue(connect_redis(url), Breaker(SystemClock()))


def test_a_job_waits_in_the_queue_as_json(redis_url: str):
    assert a_queue(redis_url).enqueue(JOB, NOTICE)

    with Redis.from_url(redis_url) as redis:
        assert redis.lrange(f"rq:queue:{QUEUE_NAME}", 0, -1) == [f"send_notice-{NOTICE}".encode()]
        data = zlib.decompress(redis.hget(f"rq:job:send_notice-{NOTICE}", "data"))
        assert json.loads(data) == [JOB, None, [NOTICE], {}]


def test_the_same_job_enqueued_twice_waits_once(redis_url: str):
    jobs = a_queue(redis_url)

    assert [jobs.enqueue(JOB, NOTICE), jobs.enqueue(JOB, NOTICE)] == [True, True]

    with Redis.from_url(redis_url) as redis:
        assert redis.llen(f"rq:queue:{QUEUE_NAME}") == 1


def test_what_gathers_becomes_few_jobs_that_name_everything(redis_url: str):
    jobs = a_queue(redis_url)
    notices = [f"{NOTICE[:-2]}{number:02}" for number in range(27)]

    jobs.enqueue_all([(JOB, notice) for notice in notices])

    with Redis.from_url(redis_url) as redis:
        waiting = [name.decode() for name in redis.lrange(f"rq:queue:{QUEUE_NAME}", 0, -1)]
        named = [json.loads(zlib.decompress(redis.hget(f"rq:job:{name}", "data")))[2] for name in waiting]
    assert named == [notices[:20], notices[20:]]


def test_a_hint_for_later_is_put_into_the_queue_behind_the_callers_back(redis_url: str):
    enqueue_later(a_queue(redis_url))(JOB, NOTICE)

    with Redis.from_url(redis_url) as redis:
        assert eventually(lambda: redis.llen(f"rq:queue:{QUEUE_NAME}") == 1)


def test_hints_that_follow_each_other_closely_share_a_job(redis_url: str):
    enqueue = enqueue_later(a_queue(redis_url))

    for number in range(5):
        enqueue(JOB, f"{NOTICE[:-2]}{number:02}")

    with Redis.from_url(redis_url) as redis:
        assert eventually(lambda: redis.llen(f"rq:queue:{QUEUE_NAME}")) == 1
        (name,) = redis.lrange(f"rq:queue:{QUEUE_NAME}", 0, -1)
    assert name.decode().count(NOTICE[:-2]) == 5


def test_every_job_ends_by_itself_and_is_retried_after_a_death(redis_url: str):
    a_queue(redis_url).enqueue(JOB, NOTICE)

    with Redis.from_url(redis_url) as redis:
        job = KnownJob.fetch(f"send_notice-{NOTICE}", connection=redis, serializer=JSONSerializer)
        lives_for = redis.ttl(job.key)

    assert (job.timeout, job.result_ttl, job.failure_ttl, job.retries_left) == (50, 0, 3600, 2)
    assert 0 < lives_for <= 600


def test_without_redis_enqueue_says_no_at_once_and_raises_nothing(own_redis: RunningRedis):
    jobs = a_queue(own_redis.url)
    own_redis.kill()

    assert jobs.enqueue(JOB, NOTICE) is False


def test_a_hung_redis_costs_a_moment_and_then_nothing(own_redis: RunningRedis):
    jobs = a_queue(own_redis.url)
    jobs.enqueue(JOB, NOTICE)
    own_redis.freeze()

    with no_longer_than(2):
        answers = [jobs.enqueue(JOB, f"{NOTICE}{number}") for number in range(50)]

    assert answers == [False] * 50


def test_after_redis_is_back_jobs_are_taken_again(own_redis: RunningRedis):
    clock = ManualClock(datetime(2027, 1, 1, tzinfo=UTC))
    jobs = JobQueue(connect_redis(own_redis.url), Breaker(clock))
    own_redis.kill()
    refused = [jobs.enqueue(JOB, NOTICE) for _ in range(3)]

    own_redis.restart()
    clock.advance(2)

    assert refused == [False] * 3
    assert jobs.enqueue(JOB, NOTICE)
