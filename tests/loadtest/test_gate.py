import threading

import pytest

from loadtest.gate import release_together


def test_nobody_goes_before_everybody_is_ready():
    ready, seen = [], []
    guard = threading.Lock()

    def client(wait_for_all):
        with guard:
            ready.append(1)
        wait_for_all()
        seen.append(len(ready))
        return True

    results = release_together([client] * 20)

    assert results == [True] * 20
    assert seen == [20] * 20


def test_a_client_that_cannot_get_ready_is_told_and_stops_the_others():
    def broken(_wait_for_all):
        raise ConnectionRefusedError("nobody listens")

    def patient(wait_for_all):
        wait_for_all()

    with pytest.raises(ConnectionRefusedError, match="nobody listens"):
        release_together([patient, broken, patient])
