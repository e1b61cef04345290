"""RFC 6238, appendix B, cut to six digits; and what the RFC asks of the one who checks."""

import base64

import pytest

from app.accounts.totp import STEP_SECONDS, code_at, new_secret, setup_uri, step_of

SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("moment", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"),
     (2000000000, "279037"), (20000000000, "353130")],
)  # fmt: skip
def test_the_codes_are_those_of_the_rfc(moment, code):
    assert code_at(SECRET, moment // STEP_SECONDS) == code


@pytest.mark.parametrize("seconds_off", [-30, 0, 30])
def test_a_clock_one_step_off_is_forgiven(seconds_off):
    now = 1234567890

    assert step_of(SECRET, code_at(SECRET, (now + seconds_off) // STEP_SECONDS), now, None) is not None


@pytest.mark.parametrize("seconds_off", [-90, 90])
def test_a_clock_further_off_is_not(seconds_off):
    now = 1234567890

    assert step_of(SECRET, code_at(SECRET, (now + seconds_off) // STEP_SECONDS), now, None) is None


def test_a_code_counts_once_and_so_do_those_before_it():
    now = 1234567890
    used = step_of(SECRET, code_at(SECRET, now // STEP_SECONDS), now, None)

    assert step_of(SECRET, code_at(SECRET, now // STEP_SECONDS), now, used) is None
    assert step_of(SECRET, code_at(SECRET, now // STEP_SECONDS - 1), now, used) is None


def test_secrets_differ_and_have_160_bits():
    first, second = new_secret(), new_secret()

    assert first != second
    assert len(base64.b32decode(first)) == 20


def test_an_app_is_told_whose_code_it_is():
    assert setup_uri(SECRET, "ann+x@example.org").startswith(
        "otpauth://totp/Oneslot:ann%2Bx%40example.org?secret="
    )
