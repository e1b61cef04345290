"""Who waits longest is served first, and no turn is lost."""

import threading
import time

import pytest

from app.fair_semaphore import FairSemaphore
from tests.servers import eventually

LONG, SHORT = 10.0, 0.05


def waiting(semaphore: FairSemaphore, name: str, served: list[str]) -> threading.Thread:
    """Somebody who stands in line already, and keeps what they get."""

    def wait() -> None:
        assert semaphore.acquire(LONG)
        served.append(name)

    before = len(semaphore)
    thread = threading.Thread(target=wait)
    thread.start()
    eventually(lambda: len(semaphore) > before)
    return thread


def test_as_many_as_it_is_wide_have_a_turn_at_once() -> None:
    semaphore = FairSemaphore(2)

    assert [semaphore.acquire(SHORT) for _ in range(3)] == [True, True, False]

    semaphore.release()
    assert semaphore.acquire(SHORT)


def test_a_newcomer_does_not_overtake_whoever_waits() -> None:
    semaphore, served = FairSemaphore(1), list[str]()
    semaphore.acquire(SHORT)
    threads = [waiting(semaphore, name, served) for name in "abc"]

    for already in range(len(threads)):
        semaphore.release()
        assert not semaphore.acquire(0)  # at once: before whoever was woken can run
        eventually(lambda already=already: len(served) > already)

    for thread in threads:
        thread.join()
    assert served == ["a", "b", "c"]


def test_whoever_leaves_the_line_is_not_waited_for() -> None:
    semaphore, served = FairSemaphore(1), list[str]()
    semaphore.acquire(SHORT)
    assert not semaphore.acquire(SHORT)
    thread = waiting(semaphore, "a", served)

    semaphore.release()

    thread.join()
    assert served == ["a"]


@pytest.mark.parametrize("width", [1, 3])
def test_no_turn_is_lost_or_given_twice(width: int) -> None:
    semaphore, inside, most = FairSemaphore(width), list[int](), list[int]()

    def work(number: int) -> None:
        for _ in range(40):
            if semaphore.acquire(0.001 * (number % 3)):
                inside.append(number)
                most.append(len(inside))
                time.sleep(0)
                inside.remove(number)
                semaphore.release()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 1 <= max(most) <= width
    assert [semaphore.acquire(0) for _ in range(width + 1)] == [True] * width + [False]
