"""Every message of every core travels as JSON and arrives as it left, or not at all."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.algorithms.change_log import Change
from app.algorithms.election_messages import (
    Condition,
    Coordinator,
    Decline,
    ElectionCall,
    ElectionMessage,
    HandOver,
    HopReport,
    Member,
    Nomination,
    Ok,
    RingToken,
    RollCall,
    TokenId,
    TokenReceipt,
    YieldRequest,
)
from app.algorithms.failure_detector import Accusation, Heartbeat, Ping, PingRequest, Vouch
from app.algorithms.gossip import Answer, Offer, Probe
from app.algorithms.logical_clocks import HybridClock, VersionVector
from app.algorithms.registers import BoardField, BoardKind, StatusBoard
from app.algorithms.replica import Replica
from app.algorithms.wire import (
    MalformedMessageError,
    board_gossip,
    detector_message,
    election_message,
    pack,
    replica_gossip,
)

TOKEN = TokenId("node-1", 3, 1)
ELECTION = [
    ElectionCall("3.1", Member("node-1", 2), is_forced=False),
    Ok("3.1"),
    Decline("3.1", "draining"),
    RingToken(TOKEN, (RollCall(Member("node-1"), Condition(load=0.5), epoch=4),), False, True),
    TokenReceipt(TOKEN),
    HopReport(TOKEN, "node-1", "node-3", 0.0125, ("node-2",)),
    Nomination(TOKEN, is_forced=True),
    Coordinator("node-2", 5, rides_ring=True),
    YieldRequest(5),
    HandOver(5, "node-2"),
]
DETECTION = [Heartbeat(1, 2), PingRequest("node-2"), Ping(), Vouch("node-2", Heartbeat(1, 2)), Accusation(3)]
VECTOR = VersionVector({"doctor-1": 3})


def replica_delta():
    replica = Replica(frozenset({"state", "hours"}))
    replica.apply(Change("doctor-1", 1, "7", 1, {"state": "OPEN", "hours": 1.5}, at=12.5))
    replica.apply(Change("doctor-1", 2, "8", 1, None, at=13.0))
    return replica.delta(VersionVector())


def board_delta():
    one, other = (StatusBoard(name, HybridClock(name)) for name in ("node-1", "node-2"))
    field = BoardField(BoardKind.ANNOUNCEMENT, "front", "text")
    write = one.write(field, "closed", "desk", 1_000)
    other.write(field, None, "desk", 1_000)
    other.apply(write, 1_000)
    return other.delta(VersionVector())


REPLICATION = [
    Offer(VECTOR, tuple(range(16))),
    Answer(VECTOR, replica_delta(), is_asking=True),
    Probe(VECTOR, {17: 2**63}, is_reply=False),
]
BOARD = [Offer(VECTOR, (0,) * 16), Answer(VECTOR, board_delta(), False), board_delta().writes[0]]
ALL = [
    *((election_message, message) for message in ELECTION),
    *((detector_message, message) for message in DETECTION),
    *((replica_gossip, message) for message in REPLICATION),
    *((board_gossip, message) for message in BOARD),
]


@pytest.mark.parametrize(("read", "message"), ALL, ids=lambda given: type(given).__name__)
def test_a_message_arrives_as_it_left(read, message):
    assert read(json.loads(json.dumps(pack(message)))) == message


def test_every_election_message_is_tried_above():
    assert {type(message) for message in ELECTION} == set(ElectionMessage.__args__)


@pytest.mark.parametrize(("read", "message"), ALL, ids=lambda given: type(given).__name__)
def test_a_message_with_a_field_too_few_or_too_many_is_refused(read, message):
    data = pack(message)

    with pytest.raises(MalformedMessageError):
        read({**data, "patient_name": "x"})
    for name in data:
        with pytest.raises(MalformedMessageError):
            read({key: value for key, value in data.items() if key != name})


@given(st.data())
def test_a_field_of_the_wrong_shape_is_refused(data):
    read, message = data.draw(st.sampled_from(ALL))
    packed = pack(message)
    name = data.draw(st.sampled_from(sorted(packed)))
    wrong = [None, True, 1.5, "text", [], {}, {"a": 1}, [1], {"a": -1}, [[]]]

    bad = data.draw(st.sampled_from([value for value in wrong if type(value) is not type(packed[name])]))

    if name != "value" or not isinstance(bad, str | None):  # a cleared notice is a value too
        with pytest.raises(MalformedMessageError):
            read({**packed, name: bad})


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("vector", {"doctor-1": -1}),
        ("vector", {"doctor-1": True}),
        ("buckets", {"seventeen": 1}),
        ("buckets", {"17": "x"}),
    ],
)
def test_counters_and_buckets_are_checked_one_by_one(name, bad):
    with pytest.raises(MalformedMessageError):
        replica_gossip({**pack(REPLICATION[2]), name: bad})


def test_a_row_carries_plain_values_only():
    data = pack(REPLICATION[1])
    change = data["delta"]["changes"][0]

    with pytest.raises(MalformedMessageError, match="fits none"):
        replica_gossip({**data, "delta": {**data["delta"], "changes": [{**change, "fields": {"state": []}}]}})


def test_a_whole_number_of_seconds_is_a_time_too():
    message = HopReport(TOKEN, "node-1", "node-3", 1.0, ())

    assert election_message({**pack(message), "round_trip_seconds": 1}) == message


def test_a_token_with_a_part_missing_is_refused():
    with pytest.raises(MalformedMessageError, match="3 parts"):
        election_message({"kind": "TokenReceipt", "token": ["node-1", 3]})


def test_a_board_kind_that_must_not_be_multi_master_is_refused():
    data = pack(BOARD[2])

    with pytest.raises(MalformedMessageError, match="slot"):
        board_gossip({**data, "field": ["slot", "7", "state"]})


@pytest.mark.parametrize("data", [None, [], "Ok", {}, {"kind": "Exit"}, {"kind": ["Ok"]}, {"kind": "Offer"}])
def test_what_is_no_message_of_this_core_is_refused(data):
    with pytest.raises(MalformedMessageError):
        election_message(data)


def test_only_messages_are_packed():
    with pytest.raises(TypeError, match="object is no message"):
        pack(object())
