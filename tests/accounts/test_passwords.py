"""I6: what is stored about a password, and how it is checked."""

import subprocess
import sys

import pytest

from app.accounts.passwords import Passwords


@pytest.fixture(scope="module")
def passwords():
    return Passwords(cheap=True)


def test_the_right_password_matches_and_another_does_not(passwords):
    stored = passwords.hash("correct horse battery")

    assert passwords.matches(stored, "correct horse battery")
    assert not passwords.matches(stored, "correct horse batterz")


def test_two_hashes_of_one_password_differ(passwords):
    assert passwords.hash("correct horse battery") != passwords.hash("correct horse battery")


def test_nothing_matches_an_account_that_does_not_exist(passwords):
    assert not passwords.matches(None, "an account that does not exist")


def test_a_damaged_hash_matches_nothing(passwords):
    assert not passwords.matches("$argon2id$broken", "correct horse battery")


def test_composed_and_decomposed_letters_are_the_same_password(passwords):
    stored = passwords.hash("gr\u00fc\u00dfe aus Bremen")

    assert passwords.matches(stored, "gru\u0308\u00dfe aus Bremen")


def test_every_character_counts_beyond_the_72nd_byte(passwords):
    stored = passwords.hash("x" * 100 + "a")

    assert not passwords.matches(stored, "x" * 100 + "b")


def test_production_uses_the_recommended_cost():
    stored = Passwords().hash("correct horse battery")

    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert not Passwords().is_outdated(stored)


def test_a_hash_with_a_cheaper_cost_is_outdated(passwords):
    assert Passwords().is_outdated(passwords.hash("correct horse battery"))


def test_under_gevent_hashing_leaves_the_loop_free():
    script = """
from gevent import monkey; monkey.patch_all()
import gevent, time
from app.accounts.passwords import Passwords
passwords = Passwords()
ticks = []
def tick():
    while True:
        ticks.append(time.monotonic())
        gevent.sleep(0.002)
ticker = gevent.spawn(tick)
gevent.sleep(0)
for _ in range(3):
    passwords.hash("correct horse battery")
print(len(ticks))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert int(done.stdout) > 5
