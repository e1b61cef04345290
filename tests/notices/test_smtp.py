import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from app.config import ConfigError
from app.notices.errors import NotDelivered, Undeliverable
from app.notices.letter import Letter, sealed, write
from app.notices.smtp import MailServer, Security
from tests.servers import SmtpSink
from worker.stack.ports import pick_free_port

#: Key and certificate of a server for tests only.
CERTIFICATE = Path(__file__).parent / "nobody_vouches_for_this.pem"


class MoodyServer:
    """A mail server that answers what the test wants."""

    def __init__(self, recipient: str = "250 ok", content: str = "250 ok") -> None:
        self.recipient, self.content = recipient, content
        self.mails: list[bytes] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.recipient

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.mails.append(bytes(envelope.content or b""))
        return self.content


@contextmanager
def serving(handler: MoodyServer, is_tls: bool = False, **settings: Any) -> Iterator[int]:
    port = pick_free_port()
    context = _self_signed() if is_tls else None
    controller = Controller(handler, hostname="127.0.0.1", port=port, ssl_context=context, **settings)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def a_mail(to: str = "mia@example.org") -> Letter:
    headers = {"Subject": "Hello", "Message-ID": "<1@clinic.example>"}
    return sealed(write("bookings@clinic.example", (None, to), headers, "Hello\n", "<p>Hello</p>\n"))


def deliver_to(handler: MoodyServer, letter: Letter | None = None, **settings: Any) -> None:
    with serving(handler, **settings) as port:
        MailServer("127.0.0.1", port).deliver(letter or a_mail())


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://127.0.0.1:1025", MailServer("127.0.0.1", 1025)),
        ("smtp://mail.example", MailServer("mail.example", 25)),
        ("smtps://mail.example", MailServer("mail.example", 465, Security.TLS)),
        (
            "smtp+starttls://us%40er:p%3Ass%2F@mail.example",
            MailServer("mail.example", 587, Security.STARTTLS, "us@er", "p:ss/"),
        ),
    ],
)
def test_the_url_says_host_security_and_credentials(url: str, server: MailServer):
    assert MailServer.from_url(url) == server


@pytest.mark.parametrize(
    "url", ["mail.example", "http://user:hunter2@mail.example", "smtp://:hunter2@", "smtp://h:hunter2"]
)
def test_an_unusable_url_is_refused_without_being_shown(url: str):
    with pytest.raises(ConfigError, match="SMTP_URL") as refusal:
        MailServer.from_url(url)

    assert "hunter2" not in str(refusal.value)


def test_the_password_is_not_shown_with_the_server():
    assert "hunter2" not in repr(MailServer.from_url("smtp://user:hunter2@mail.example"))


def test_a_mail_arrives_at_the_sink(smtp_sink: SmtpSink):
    MailServer.from_url(smtp_sink.url).deliver(a_mail())

    (message,) = smtp_sink.wait_for(1)
    assert message["Subject"] == "Hello"


def test_international_addresses_arrive(smtp_sink: SmtpSink):
    MailServer.from_url(smtp_sink.url).deliver(a_mail("søren@example.org"))

    (message,) = smtp_sink.wait_for(1)
    assert message["To"] == "søren@example.org"


def test_a_server_that_cannot_take_international_addresses_never_will():
    with pytest.raises(Undeliverable):
        deliver_to(MoodyServer(), a_mail("søren@example.org"), enable_SMTPUTF8=False)


@pytest.mark.parametrize(
    "answer", ["550 5.1.1 <mia@example.org> unknown", "553 no such mailbox mia@example.org"]
)
def test_a_recipient_refused_for_good_is_undeliverable(answer: str):
    with pytest.raises(Undeliverable) as failure:
        deliver_to(MoodyServer(recipient=answer))

    assert "mia" not in str(failure.value)


@pytest.mark.parametrize(
    "answer", ["450 4.2.1 greylisted", "421 4.3.2 shutting down", "550 5.7.1 <mia@example.org> relay denied"]
)
def test_a_refusal_that_may_pass_or_is_about_us_can_be_repeated(answer: str):
    with pytest.raises(NotDelivered) as failure:
        deliver_to(MoodyServer(recipient=answer))

    assert not isinstance(failure.value, Undeliverable)
    assert "mia" not in str(failure.value)


def test_content_refused_for_good_is_undeliverable():
    with pytest.raises(Undeliverable, match=r"content refused: 554 5\.6\.0"):
        deliver_to(MoodyServer(content="554 5.6.0 no"))


def test_a_server_that_is_away_may_be_back_later():
    with pytest.raises(NotDelivered, match="ConnectionRefusedError"):
        MailServer("127.0.0.1", pick_free_port()).deliver(a_mail())


def test_a_server_that_does_not_answer_is_left_after_a_while():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = MailServer("127.0.0.1", silent.getsockname()[1], answer_seconds=0.1)

        with pytest.raises(NotDelivered, match="SMTPServerDisconnected"):
            server.deliver(a_mail())


def test_without_starttls_on_the_other_side_no_password_is_sent():
    handler = MoodyServer()
    with serving(handler) as port:
        server = MailServer("127.0.0.1", port, Security.STARTTLS, "user", "hunter2")

        with pytest.raises(NotDelivered, match="SMTPNotSupportedError"):
            server.deliver(a_mail())

    assert handler.mails == []


def test_credentials_of_the_url_log_in():
    seen: list[tuple[bytes, bytes]] = []

    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        seen.append((data.login, data.password))
        return AuthResult(success=True)

    handler = MoodyServer()
    with serving(handler, authenticator=authenticate, auth_require_tls=False) as port:
        MailServer.from_url(f"smtp://us%40er:hunter2@127.0.0.1:{port}").deliver(a_mail())

    assert seen == [(b"us@er", b"hunter2")]
    assert len(handler.mails) == 1


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_a_certificate_nobody_vouches_for_is_refused(security: Security):
    handler = MoodyServer()
    settings = {"tls_context": _self_signed()} if security is Security.STARTTLS else {}
    with serving(handler, is_tls=security is Security.TLS, **settings) as port:
        server = MailServer("127.0.0.1", port, security, "user", "hunter2")

        with pytest.raises(NotDelivered, match="SSLCertVerificationError"):
            server.deliver(a_mail())

    assert handler.mails == []


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_a_trusted_server_gets_the_mail_encrypted(security: Security, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    handler = MoodyServer()
    settings = (
        {"tls_context": _self_signed(), "require_starttls": True} if security is Security.STARTTLS else {}
    )
    with serving(handler, is_tls=security is Security.TLS, **settings) as port:
        MailServer("127.0.0.1", port, security).deliver(a_mail())

    assert len(handler.mails) == 1


def _self_signed() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)
    return context
