"""Several notices go out together: one claim, one connection, one note; each is judged for itself."""

import asyncio
import smtplib
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from app.errors import Unavailable
from app.notices import outcomes, queue, sender
from app.notices.errors import NotDelivered
from app.notices.outcomes import Outcome
from app.notices.smtp_session import Session as OurSession
from tests.notices.clinic import Clinic
from tests.notices.test_sender import DiesBeforeSaying
from tests.notices.test_smtp import MoodyServer, a_mail, serving
from tests.servers import SmtpSink


class Counting(MoodyServer):
    """Counts connections and, with `on_mail`, does something to the one that has brought a mail."""

    def __init__(self, on_mail: Callable[[SMTP, int], None] = lambda _server, _number: None) -> None:
        super().__init__()
        self.greetings, self.refuse, self._on_mail = 0, {}, on_mail

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.greetings += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address not in self.refuse:
            envelope.rcpt_tos.append(address)
        return self.refuse.get(address, "250 ok")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        await super().handle_DATA(server, session, envelope)
        self._on_mail(server, len(self.mails))
        return "250 ok"


def notices_to(clinic: Clinic, *addresses: str) -> list[uuid.UUID]:
    doctor = clinic.doctor()
    return [clinic.notice(clinic.booking(doctor, patient_email=each)) for each in addresses]


def send(clinic: Clinic, port: int, notices: list[uuid.UUID]) -> list[Outcome]:
    done = clinic.sender(f"smtp://127.0.0.1:{port}").send_all(notices)
    return [done[notice] for notice in notices]


def times_brought(server: MoodyServer, notice: uuid.UUID) -> int:
    return sum(str(notice).encode() in mail for mail in server.mails)


def test_several_share_a_connection(clinic: Clinic):
    server, notices = Counting(), notices_to(clinic, "a@example.org", "b@example.org", "c@example.org")

    with serving(server) as port:
        done = send(clinic, port, notices)

    assert done == [Outcome.SENT] * 3
    assert {clinic.status(notice) for notice in notices} == {"SENT"}
    assert [times_brought(server, notice) for notice in notices] == [1, 1, 1]
    assert server.greetings == 1


def test_no_more_than_a_group_share_one(clinic: Clinic, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sender, "MOST_TOGETHER", 2)
    server, notices = Counting(), notices_to(clinic, *(f"{n}@example.org" for n in range(5)))

    with serving(server) as port:
        done = send(clinic, port, notices)

    assert (done, server.greetings) == ([Outcome.SENT] * 5, 3)


def test_of_several_each_is_judged_for_itself(clinic: Clinic):
    server = Counting()
    server.refuse = {"never@example.org": "550 5.1.1 unknown", "later@example.org": "450 4.2.1 later"}
    addresses = (
        "a@example.org",
        "never@example.org",
        "later@example.org",
        "no address at all",
        "z@example.org",
    )
    notices = notices_to(clinic, *addresses)

    with serving(server) as port:
        done = send(clinic, port, notices)

    assert done == [
        Outcome.SENT, Outcome.FAILED_FOR_GOOD, Outcome.FAILED_FOR_NOW, Outcome.FAILED_FOR_GOOD, Outcome.SENT,
    ]  # fmt: skip
    rows = [clinic.row(notice) for notice in notices]
    assert [row.status for row in rows] == ["SENT", "FAILED", "QUEUED", "FAILED", "SENT"]
    assert [row.last_error for row in rows] == [
        None, "recipient refused: 550 5.1.1", "recipient refused: 450 4.2.1",
        "the address cannot stand in a mail", None,
    ]  # fmt: skip
    assert server.greetings == 1


def test_a_server_that_ends_the_session_after_a_mail_gets_the_next_by_another(clinic: Clinic):
    server = Counting(lambda connection, _: asyncio.get_running_loop().call_soon(connection.transport.close))
    notices = notices_to(clinic, "a@example.org", "b@example.org", "c@example.org")

    with serving(server) as port:
        done = send(clinic, port, notices)

    # The server may hang up before its answer has left; such a mail is tried again, as ever.
    assert set(done) <= {Outcome.SENT, Outcome.FAILED_FOR_NOW}
    assert [times_brought(server, notice) for notice in notices] == [1, 1, 1]
    assert server.greetings == 3


def test_a_connection_that_breaks_within_a_mail_costs_that_mail_one_attempt(clinic: Clinic):
    server = Counting(lambda connection, number: connection.transport.abort() if number == 2 else None)
    notices = notices_to(clinic, "a@example.org", "b@example.org", "c@example.org")

    with serving(server) as port:
        done = send(clinic, port, notices)

    assert done == [Outcome.SENT, Outcome.FAILED_FOR_NOW, Outcome.SENT]
    assert clinic.row(notices[1]).claimed_until is None
    assert server.greetings == 2


def test_a_server_that_is_away_is_asked_once_for_all():
    asked = []

    def connect() -> smtplib.SMTP:
        asked.append(1)
        raise ConnectionRefusedError

    session = OurSession(connect)
    for _ in range(3):
        with pytest.raises(NotDelivered, match="connecting failed: ConnectionRefusedError"):
            session.deliver(a_mail())

    assert asked == [1]


def test_when_time_runs_short_the_rest_is_given_back_and_sent_later(
    clinic: Clinic, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sender, "GROUP_SECONDS", 0.0)
    notices = notices_to(clinic, "a@example.org", "b@example.org")
    ours = clinic.sender(smtp_sink.url)

    late = ours.send_all(notices)
    rows = [clinic.row(notice) for notice in notices]
    monkeypatch.undo()
    for notice in notices:
        clinic.let_back_off_end(notice)
    done = ours.send_all(notices)

    assert set(late.values()) == {Outcome.FAILED_FOR_NOW}
    assert [(row.status, row.claimed_until, row.last_error) for row in rows] == [
        ("QUEUED", None, "others took too long")
    ] * 2
    assert set(done.values()) == {Outcome.SENT}
    assert smtp_sink.deliveries() == 2


def test_an_error_nobody_foresaw_strikes_one_alone(clinic: Clinic, smtp_sink: SmtpSink):
    doctor = clinic.doctor()
    bookings = [clinic.booking(doctor) for _ in range(3)]
    notices = [clinic.notice(booking) for booking in bookings]

    def link(booking_id: uuid.UUID) -> str:
        return f"https://clinic.example/{1 // (booking_id != bookings[1])}"

    with pytest.raises(ZeroDivisionError):
        replace(clinic.sender(smtp_sink.url), manage_url=link).send_all(notices)

    before, struck, after = (clinic.row(notice) for notice in notices)
    assert (before.status, struck.status, after.status) == ("SENT", "QUEUED", "QUEUED")
    assert struck.claimed_until is not None, "its claim lapses, as that of a sender that died"
    assert after.claimed_until is None


def test_what_was_handed_over_is_noted_before_long(clinic: Clinic, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(outcomes, "NOTE_SECONDS", 0.0)
    notices = notices_to(clinic, "a@example.org", "b@example.org")
    seen: list[str] = []
    server = Counting(lambda _connection, _number: seen.append(clinic.status(notices[0])))

    with serving(server) as port:
        send(clinic, port, notices)

    assert seen == ["QUEUED", "SENT"]


def test_a_sender_that_died_after_a_group_shows_each_mail_only_once(clinic: Clinic, smtp_sink: SmtpSink):
    notices = notices_to(clinic, "a@example.org", "b@example.org")
    ours = clinic.sender(smtp_sink.url)

    with pytest.raises(Unavailable):
        replace(ours, database=DiesBeforeSaying(clinic.database.url)).send_all(notices)
    for notice in notices:
        clinic.let_claim_lapse(notice)
        clinic.let_back_off_end(notice)
    done = ours.send_all(notices)

    assert set(done.values()) == {Outcome.SENT}
    assert smtp_sink.deliveries() == 4
    assert len(smtp_sink.messages()) == 2


@pytest.mark.parametrize("is_first_tried", [False, True])
def test_of_one_booking_the_earlier_goes_out_first_whatever_their_order(
    clinic: Clinic, smtp_sink: SmtpSink, is_first_tried: bool
):
    booking = clinic.booking()
    first = clinic.database.run(lambda tx: queue.add(tx, booking, "series", 0, [booking]))
    if is_first_tried:
        clinic.claim(first)
        clinic.let_claim_lapse(first)
        clinic.let_back_off_end(first)
    second = clinic.notice(booking, "reschedule", 1)

    done = clinic.sender(smtp_sink.url).send_all([second, first])

    assert done == {second: Outcome.SENT, first: Outcome.SENT}
    titles = [str(message["Subject"]).partition(":")[0] for message in smtp_sink.messages()]
    assert titles == ["Appointments confirmed", "Appointment moved"]


def test_eight_senders_of_the_same_notices_send_each_once(clinic: Clinic, smtp_sink: SmtpSink):
    notices = notices_to(clinic, *(f"{n}@example.org" for n in range(10)))
    ours = clinic.sender(smtp_sink.url)

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda turn: ours.send_all(notices[turn:] + notices[:turn]), range(8)))

    sent = [notice for each in done for notice, outcome in each.items() if outcome is Outcome.SENT]
    assert sorted(sent) == sorted(notices)
    assert smtp_sink.deliveries() == 10
