"""The quick way through plain addresses says what the library says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.accounts import addresses
from app.accounts.addresses import normal_address

NAMES = st.text("aZ0.-_+@ \u00e4\u2028'", max_size=8) | st.sampled_from(["a" * 64, "a" * 65, "a" * 300])
DOMAINS = st.text("aZ0.-@\u00e4", max_size=8) | st.sampled_from([
    "example.org", "Example.ORG", "mail.example.co.uk", "localhost", "a.local", "x--y.org", "-a.org",
    "a..org", "xn--bcher-kva.example", "xn--zz--zz.org", "b\u00fccher.example", "127.0.0.1", "a.1",
    "[127.0.0.1]", f"{'a' * 63}.org", f"{'a' * 64}.org", "a." * 49 + "org", "a." * 140 + "org",
])  # fmt: skip


def said(normal, text: str) -> str:
    try:
        return normal(text)
    except ValueError as error:
        return f"refused: {error}"


@given(NAMES, DOMAINS)
def test_the_quick_way_says_what_the_library_says(name: str, domain: str) -> None:
    text = f"{name}@{domain}"

    assert said(normal_address, text) == said(addresses._normal, text)


def test_the_library_is_asked_once_about_a_plain_domain(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    real = addresses.validate_email
    monkeypatch.setattr(
        addresses, "validate_email", lambda text, **how: asked.append(text) or real(text, **how)
    )

    told = [normal_address(f"anna.{number}@asked-once.example.org") for number in range(3)]

    assert told[0] == "anna.0@asked-once.example.org"
    assert asked == ["a@asked-once.example.org"]
