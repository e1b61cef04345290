"""A client that carries a stamp from one node to another is after its own write there; a forged one moves
nothing."""

import pytest

from app.algorithms.logical_clocks import HybridStamp
from app.coordination.stamps import Stamp
from app.web.causal import HEADER, read_stamp, write_stamp
from app.web.parts import EXTENSION

SECRET = "a secret of at least thirty-two characters"
STAMP = Stamp(5000, {"node-1": 5000}, HybridStamp(1_900_000_000_000, 3, "node-1"))


def lamport(app):
    return app.extensions[EXTENSION].engine.stamper.peek().lamport


def test_a_write_is_answered_with_a_stamp_and_a_read_is_not(client):
    written = client.post("/api/auth/register", json={
        "email": "new@example.org", "password": "correct horse battery", "name": "New"})  # fmt: skip

    assert written.status_code == 201
    assert HEADER in written.headers
    assert HEADER not in client.get("/api/doctors").headers


def test_a_stamp_of_another_node_moves_this_nodes_clock(app, client):
    secret = app.extensions[EXTENSION].config.secret_key

    client.get("/api/doctors", headers={HEADER: write_stamp(secret, STAMP)})

    assert lamport(app) >= 5000


@pytest.mark.parametrize(
    "header",
    [
        "",
        "9000000000000000000.1.node-1.abc",
        write_stamp("another secret of thirty-two letters", STAMP),
        write_stamp(SECRET, STAMP) + "0",
        "x" * 10_000,
        "..",
        "ü.ü.ü.ü",
    ],
)
def test_a_forged_stamp_is_ignored(app, client, header):
    answer = client.get("/api/doctors", headers={HEADER: header.encode("latin-1")})

    assert answer.status_code == 200
    assert lamport(app) < 5000


def test_a_stamp_is_read_as_it_was_written():
    assert read_stamp(SECRET, write_stamp(SECRET, STAMP)) == STAMP
