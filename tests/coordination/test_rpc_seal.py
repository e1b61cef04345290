"""Attack 9: a call counts only from whom it says, in time, once, at the node it names."""

import pytest

from app.coordination.rpc.seal import (
    CALL,
    NODE,
    NONCE,
    REPLY,
    SIGNATURE,
    TIME,
    Doorkeeper,
    Forged,
    Letter,
    Seal,
    Untimely,
)

SECRET = "a secret of at least thirty-two characters"
PATH = "/internal/rpc/state.read"
NOW = 1_900_000_000_000


@pytest.fixture
def seal():
    return Seal(SECRET, "node-1")


@pytest.fixture
def letter(seal):
    return seal.seal(CALL, PATH, b'{"to": "node-2"}', NOW)


@pytest.fixture
def door():
    return Doorkeeper(born_ms=NOW - 60_000)


def with_header(letter, name, value):
    return Letter(letter.path, {**letter.headers, name: value}, letter.body)


def test_a_letter_names_who_sealed_it(letter):
    assert Seal(SECRET, "node-2").sender_of(CALL, letter) == "node-1"


@pytest.mark.parametrize(("known", "is_believed"), [((SECRET,), True), ((), False)])
def test_while_the_secret_changes_the_earlier_one_is_believed_and_after_that_not(letter, known, is_believed):
    changed = Seal("another secret of thirty-two characters", "node-2", known)

    try:
        told = changed.sender_of(CALL, letter)
    except Forged:
        told = None

    assert (told == "node-1") is is_believed


def test_what_is_sealed_after_the_change_is_sealed_with_the_new_secret(seal):
    changed = Seal("another secret of thirty-two characters", "node-2", (SECRET,))

    with pytest.raises(Forged):
        seal.sender_of(CALL, changed.seal(CALL, PATH, b"{}", NOW))


@pytest.mark.parametrize(
    "change",
    [
        lambda letter: Letter("/internal/rpc/other", letter.headers, letter.body),
        lambda letter: Letter(letter.path, letter.headers, letter.body + b" "),
        lambda letter: with_header(letter, NODE, "node-3"),
        lambda letter: with_header(letter, TIME, str(NOW + 1)),
        lambda letter: with_header(letter, NONCE, "0" * 32),
        lambda letter: with_header(letter, SIGNATURE, ""),
        lambda letter: with_header(letter, SIGNATURE, "ü" * 64),
        lambda letter: Letter(letter.path, {}, letter.body),
    ],
    ids=["path", "body", "node", "time", "nonce", "no signature", "odd signature", "no headers"],
)
def test_nothing_of_a_letter_can_be_changed(seal, letter, change):
    with pytest.raises(Forged):
        seal.sender_of(CALL, change(letter))


def test_the_key_of_one_node_seals_nothing_in_the_name_of_another(seal):
    stolen = Seal(SECRET, "node-3").seal(CALL, PATH, b"{}", NOW)

    with pytest.raises(Forged):
        seal.sender_of(CALL, with_header(stolen, NODE, "node-2"))


def test_another_secret_opens_nothing(letter):
    with pytest.raises(Forged):
        Seal(SECRET + "!", "node-2").sender_of(CALL, letter)


def test_a_call_is_no_reply(seal, letter):
    with pytest.raises(Forged):
        seal.sender_of(REPLY, letter)


def test_a_reply_carries_the_nonce_of_its_call(seal, letter):
    reply = seal.seal(REPLY, PATH, b"{}", NOW, letter.headers[NONCE])

    assert reply.headers[NONCE] == letter.headers[NONCE]
    assert seal.sender_of(REPLY, reply) == "node-1"


def test_a_letter_is_let_in_once(door, letter):
    door.admit(letter, NOW)

    with pytest.raises(Forged, match="heard before"):
        door.admit(letter, NOW + 5)


@pytest.mark.parametrize("skew_ms", [-30_001, 30_001])
def test_a_letter_of_another_time_is_refused(door, letter, skew_ms):
    with pytest.raises(Untimely):
        door.admit(letter, NOW + skew_ms)


def test_what_was_sent_before_this_life_is_not_for_this_life(letter):
    """A restart empties the memory of nonces; a letter from before it must not come in a second time."""
    with pytest.raises(Untimely):
        Doorkeeper(born_ms=NOW + 1).admit(letter, NOW + 2)


def test_nonces_are_forgotten_only_when_their_letters_are_too_old_anyway(seal, door):
    first = seal.seal(CALL, PATH, b"{}", NOW)
    door.admit(first, NOW)
    for later_ms in (10_000, 20_000, 29_000):
        door.admit(seal.seal(CALL, PATH, b"{}", NOW + later_ms), NOW + later_ms)

    with pytest.raises(Forged):
        door.admit(first, NOW + 29_999)
    door.admit(seal.seal(CALL, PATH, b"{}", NOW + 61_000), NOW + 61_000)
    assert len(door._heard) == 1
