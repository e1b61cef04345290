"""The mail server of the quick start, spoken to by a library's client."""

import json
import smtplib

import pytest

from tests.servers import SmtpSink
from worker.mailsink import message_id_of


def test_a_mail_is_kept_as_it_was_sent_dots_included(smtp_sink: SmtpSink):
    content = b"Message-ID: <1@x>\r\nSubject: dots\r\n\r\n.\r\n..two\r\na.b\r\n.end\r\n"

    with smtplib.SMTP("127.0.0.1", smtp_sink.port) as client:
        client.sendmail("from@example.org", ["to@example.org"], content)

    (file,) = smtp_sink.folder.glob("*.eml")
    assert file.read_bytes() == content


def test_a_mail_that_begins_with_a_dot_is_kept(smtp_sink: SmtpSink):
    with smtplib.SMTP("127.0.0.1", smtp_sink.port) as client:
        client.sendmail("from@example.org", ["to@example.org"], b".x\r\n")

    (file,) = smtp_sink.folder.glob("*.eml")
    assert file.read_bytes() == b".x\r\n"


def test_one_session_brings_several_mails_and_a_repeat_is_kept_once(smtp_sink: SmtpSink):
    with smtplib.SMTP("127.0.0.1", smtp_sink.port) as client:
        for number in (1, 2, 1):
            mail = f"Message-ID: <{number}@x>\r\n\r\nhello\r\n".encode()
            client.sendmail("from@example.org", ["to@example.org", "two@example.org"], mail)

    lines = [json.loads(line) for line in (smtp_sink.folder / "deliveries.jsonl").read_text().splitlines()]
    assert len(list(smtp_sink.folder.glob("*.eml"))) == 2
    assert [(line["message_id"], line["is_new"]) for line in lines] == [
        ("<1@x>", True), ("<2@x>", True), ("<1@x>", False),
    ]  # fmt: skip
    assert (lines[0]["from"], lines[0]["to"]) == ("from@example.org", ["to@example.org", "two@example.org"])


def test_commands_out_of_order_are_refused_and_the_session_goes_on(smtp_sink: SmtpSink):
    with smtplib.SMTP("127.0.0.1", smtp_sink.port) as client:
        client.ehlo()
        codes = [client.docmd("RCPT", "TO:<a@b>")[0], client.docmd("DATA")[0]]
        codes += [client.mail("a@b")[0], client.rset()[0], client.rcpt("a@b")[0], client.noop()[0]]

    assert codes == [503, 503, 250, 250, 503, 250]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"Subject: x\r\nmessage-id:\r\n <1@x>\r\nTo: y\r\n\r\n", "<1@x>"),
        (b"Subject: x\r\n\r\nMessage-ID: <of-the-text@x>\r\n", ""),
        (b"X-Message-ID: <0@x>\r\nMessage-ID: <1@x> \r\n\r\n", "<1@x>"),
    ],
)
def test_the_message_id_is_that_of_the_headers(content: bytes, found: str):
    assert message_id_of(content) == found
