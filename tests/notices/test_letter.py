"""What the library writes under its older policy reads as what it writes under the newer one."""

from email import message_from_bytes, message_from_string
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.policy import default as modern

import pytest
from hypothesis import given
from hypothesis import strategies as some

from app.notices.letter import CONTENT, Letter, sealed, write
from app.notices.typed_text import name_to_greet, one_line

SENDER = "Oneslot <o@example.org>"
LINES = some.text(some.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=120)
ODD = some.sampled_from(["=?utf-8?q?Paid?=", "", " x", "x ", "a" * 90])
NAMES = some.text(some.sampled_from("abZ09 '-.,\"\\=?_ü李@<>()"), max_size=30)


def a_letter(
    name: str = "Mia", address: str = "mia@example.org", sender: str = SENDER, **headers: str
) -> Letter:
    return sealed(write(sender, (name, address), headers, "text\n", "<p>html</p>\n"))


def read(letter: Letter) -> EmailMessage:
    arrived = message_from_string(letter.content.decode(), policy=modern)
    assert isinstance(arrived, EmailMessage)
    return arrived


def by_the_newer_policy(name: str, value: str | Address) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message[name] = value
    return message_from_bytes(message.as_bytes(), policy=modern)


@given(LINES | ODD)
def test_a_subject_is_read_back_as_the_newer_policys(subject: str):
    ours = read(a_letter(Subject=subject))

    theirs = by_the_newer_policy("Subject", one_line(subject))
    # A word as long as a line goes on the next one, behind a space.
    assert ours["Subject"].strip() == theirs["Subject"].strip()


@given(NAMES)
def test_a_name_before_an_address_is_read_back(name: str):
    letter = a_letter(name)

    (read_to,) = read(letter)["To"].addresses
    expected = Address(name_to_greet(one_line(name)) or "", addr_spec="mia@example.org")
    assert (letter.recipient, read_to.addr_spec) == ("mia@example.org",) * 2
    assert read_to.display_name == by_the_newer_policy("To", expected)["To"].addresses[0].display_name


@given(some.lists(LINES | some.sampled_from([".", "..x", "From me", "--", "x" * 200, "tail "]), max_size=6))
def test_text_and_files_are_read_back_whatever_they_hold(lines: list[str]):
    text = "\n".join([*lines, ""])
    file = text.encode() + b"\0\r\xff"
    message = write(SENDER, ("Mia", "mia@example.org"), {}, text, text)
    message.add_attachment(file, maintype="a", subtype="b", filename="c.ics", content_manager=CONTENT)
    letter = sealed(message)

    arrived = read(letter)
    (read_file,) = arrived.iter_attachments()
    for kind in ("plain", "html"):
        read_text = arrived.get_body((kind,)).get_content()
        assert "\n".join(read_text.splitlines()) == "\n".join(text.splitlines())
    assert read_file.get_payload(decode=True) == file
    assert read_file.get_filename() == "c.ics"
    assert max(map(len, letter.content.split(b"\r\n"))) <= 78
    assert letter.content.isascii()
    assert b"\n" not in letter.content.replace(b"\r\n", b"")


@pytest.mark.parametrize("address", ["mia@example.org", "søren@example.org"])
def test_no_header_can_hold_another(address: str):
    arrived = read(a_letter(address=address, Subject="one\r\nBcc: all@example.org\n\nbody"))

    assert arrived["Subject"] == "one Bcc: all@example.org body"
    assert arrived["Bcc"] is None
    assert arrived.get_body(("plain",)).get_content().strip() == "text"


@pytest.mark.parametrize("address", ["mia@example.org", "søren@example.org"])
def test_a_sender_beyond_ascii_keeps_name_and_address(address: str):
    letter = a_letter("李小龍", address, sender='"Praxis Müller, Süd" <o@example.org>')

    arrived = read(letter)
    (sender,), (recipient,) = arrived["From"].addresses, arrived["To"].addresses
    assert letter.sender == sender.addr_spec == "o@example.org"
    assert sender.display_name == "Praxis Müller, Süd"
    assert (recipient.display_name, recipient.addr_spec) == ("李小龍", address)


def test_the_words_of_a_long_name_are_no_longer_than_readers_take():
    letter = a_letter("Ü" * 300)

    written = message_from_bytes(letter.content)["To"]
    assert str(make_header(decode_header(written))) == f"{'Ü' * 300} <mia@example.org>"
    assert max(map(len, letter.content.split(b"\r\n"))) <= 78
