import base64

from app.outgoing.signing import is_genuine, secret_text, sign, signed_headers

KEY, OTHER = b"k" * 32, b"o" * 32


def test_the_signature_is_the_one_of_the_specification():
    """The example of https://github.com/standard-webhooks/standard-webhooks."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'

    signature = sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)

    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_receiver_with_either_secret_believes_us_while_one_is_changed():
    headers = signed_headers([KEY, OTHER], "m1", 1000, b"{}")

    assert is_genuine(KEY, headers, b"{}", 1000)
    assert is_genuine(OTHER, headers, b"{}", 1200)


def test_what_was_changed_recorded_or_signed_by_others_is_not_believed():
    headers = signed_headers([KEY], "m1", 1000, b"{}")

    assert not is_genuine(KEY, headers, b'{"x":1}', 1000)
    assert not is_genuine(KEY, {**headers, "webhook-id": "m2"}, b"{}", 1000)
    assert not is_genuine(KEY, {**headers, "webhook-timestamp": "1001"}, b"{}", 1000)
    assert not is_genuine(KEY, headers, b"{}", 1301)
    assert not is_genuine(OTHER, headers, b"{}", 1000)
    assert not is_genuine(KEY, {}, b"{}", 1000)


def test_the_secret_is_written_as_libraries_read_it():
    text = secret_text(KEY)

    assert text.startswith("whsec_")
    assert base64.b64decode(text.removeprefix("whsec_")) == KEY
