"""A cluster of three coordinators that have agreed on node-3."""

import pytest

from tests.worker.coordinator.lab import Lab


@pytest.fixture(params=["bully", "ring"])
def algorithm(request):
    return request.param


@pytest.fixture
def lab():
    lab = Lab()
    lab.until(lab.agreed_leader)
    lab.advance(3)
    return lab
