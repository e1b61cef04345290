import pytest

from loadtest.answers import Answer, no_answer
from loadtest.history import Outcome, Scribe, read_history
from loadtest.patient import Patient, Wish

BOOKED = Answer(status=201, body={"data": {"id": "b1", "manage_token": "t", "slots": [{"id": 7}]}})
UNKNOWN = Answer(status=503, body={"error": {"code": "OUTCOME_UNKNOWN"}, "retry_after_seconds": 0.001})
TAKEN = Answer(status=409, body={"error": {"code": "BOOKING_CONFLICT"}, "reason": "SLOT_TAKEN"})


class ScriptedTransport:
    """Gives the answers of a script and remembers what was sent."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.sent = []

    def send(self, method, path, body, headers, name):
        self.sent.append((method, path, body, dict(headers)))
        answer = self._answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


@pytest.fixture
def scribe(tmp_path):
    with Scribe(tmp_path / "history.jsonl") as scribe:
        yield scribe


def patient(scribe, *answers):
    transport = ScriptedTransport(*answers)
    return Patient("anna", transport, scribe), transport


def test_a_claim_is_granted_with_its_proof_of_ownership(scribe):
    anna, _ = patient(scribe, BOOKED)

    claim = anna.claim("7", hold=True)

    assert (claim.booking, claim.slot, claim.manage_token, claim.is_hold) == ("b1", "7", "t", True)


def test_an_unknown_outcome_is_asked_again_under_the_same_key(scribe):
    anna, transport = patient(scribe, UNKNOWN, no_answer(TimeoutError("late")), BOOKED)

    claim = anna.claim("7", hold=False)

    assert claim.booking == "b1"
    assert len({headers["Idempotency-Key"] for *_, headers in transport.sent}) == 1
    assert [entry.out for entry in scribe.entries] == [Outcome.INFO, Outcome.INFO, Outcome.OK]


def test_a_refusal_is_not_asked_again(scribe):
    anna, transport = patient(scribe, TAKEN)

    assert anna.claim("7", hold=False) is None
    assert len(transport.sent) == 1


def test_asking_ends_after_a_few_tries(scribe):
    anna, transport = patient(scribe, *[UNKNOWN] * 5)

    assert anna.claim("7", hold=False) is None
    assert len(transport.sent) == 5


def test_a_change_carries_the_manage_token_of_the_claim(scribe):
    anna, transport = patient(scribe, BOOKED, BOOKED)

    anna.change("confirm", anna.claim("7", hold=True))

    method, path, _, headers = transport.sent[-1]
    assert (method, path) == ("POST", "/api/bookings/b1/confirm")
    assert headers["X-Manage-Token"] == "t"


def test_two_requests_never_share_a_key(scribe):
    anna, transport = patient(scribe, TAKEN, TAKEN)

    anna.claim("7", hold=False)
    anna.claim("7", hold=False)

    assert len({headers["Idempotency-Key"] for *_, headers in transport.sent}) == 2


def test_a_client_stopped_in_the_middle_leaves_an_open_line(scribe, tmp_path):
    anna, _ = patient(scribe, KeyboardInterrupt())

    with pytest.raises(KeyboardInterrupt):
        anna.claim("7", hold=False)

    [entry] = read_history(tmp_path / "history.jsonl")
    assert (entry.f, entry.slot, entry.out, entry.t_ret) == ("book", "7", Outcome.INFO, None)


def test_only_a_request_with_a_key_is_repeated(scribe):
    anna, _ = patient(scribe, UNKNOWN)

    with pytest.raises(AssertionError, match="with a key"):
        anna.insist(Wish(f="slots", method="GET", path="/api/slots"))
