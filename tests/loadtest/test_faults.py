import os
import threading

import pytest
import redis

from loadtest.faults import fault, refuse_other_programs
from loadtest.target import NoTarget, Target
from tests.servers import eventually
from worker.stack.process import Child

pytestmark = pytest.mark.system


@pytest.fixture
def target(own_redis):
    return Target(base_url="http://127.0.0.1:1", redis_url=own_redis.url)


def is_answering(url):
    try:
        return redis.Redis.from_url(url, socket_timeout=0.2, socket_connect_timeout=0.2).ping()
    except redis.RedisError:
        return False


def test_a_stopped_redis_is_silent_during_the_fault_and_answers_after_it(target, own_redis):
    with fault("redis-stop", target) as strikes:
        during = is_answering(own_redis.url)
        struck = strikes()

    assert (during, struck) == (False, 1)
    assert is_answering(own_redis.url)


def test_a_redis_that_is_started_again_is_killed_again_until_the_fault_is_over(target, own_redis):
    over = threading.Event()

    def supervise():
        while not over.wait(0.05):
            if not own_redis.child.is_alive:
                own_redis.child = Child(own_redis.server.program())

    supervisor = threading.Thread(target=supervise)
    supervisor.start()
    try:
        with fault("redis-kill", target) as strikes:
            for _ in range(200):
                if strikes() >= 2:
                    break
                over.wait(0.05)
            struck = strikes()
        assert struck >= 2
        assert is_answering(own_redis.url)
    finally:
        over.set()
        supervisor.join()


def test_an_emptied_redis_answers_and_has_forgotten(target, own_redis):
    client = redis.Redis.from_url(own_redis.url)
    client.set("kept", "yes")

    with fault("redis-flush", target) as flushes:
        eventually(lambda: flushes() >= 1, 5, "the first flush")
        found = client.get("kept")

    assert found is None


def test_a_redis_that_does_not_answer_cannot_be_taken_away(target, own_redis):
    own_redis.kill()

    with pytest.raises(NoTarget, match="does not answer"), fault("redis-kill", target):
        pass


@pytest.mark.parametrize("url", [None, "redis://10.0.0.1:6379/0"])
def test_only_a_redis_on_this_machine_is_taken_away(url):
    target = Target(base_url="http://127.0.0.1:1", redis_url=url)

    with pytest.raises(NoTarget), fault("redis-stop", target):
        pass


def test_a_process_that_is_not_redis_is_left_alone():
    with pytest.raises(NoTarget, match="not Redis"):
        refuse_other_programs(os.getpid())


def test_the_fault_none_touches_nothing():
    with fault("none", Target(base_url="http://127.0.0.1:1")) as strikes:
        assert strikes() == 0
