import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from icalendar import Calendar
from structlog.testing import capture_logs

from app.database import Database
from app.errors import Unavailable
from app.notices import queue
from app.notices.outcomes import Outcome
from tests.keys import KEYRING
from tests.notices.clinic import Clinic
from tests.notices.test_smtp import MoodyServer, serving
from tests.servers import ROOT, SmtpSink, clean_environment

NOWHERE = "smtp://127.0.0.1:9"


def test_a_notice_is_sent_and_remembered_as_sent(clinic: Clinic, smtp_sink: SmtpSink):
    booking = clinic.booking()
    notice = clinic.notice(booking)

    outcome = clinic.sender(smtp_sink.url).send(notice)

    (message,) = smtp_sink.messages()
    assert outcome is Outcome.SENT
    assert clinic.status(notice) == "SENT"
    assert message["Message-ID"] == f"<{notice}@clinic.example>"
    assert f"https://clinic.example/m/token-of-{booking}" in message.get_body(("plain",)).get_content()


def test_sending_twice_sends_once(clinic: Clinic, smtp_sink: SmtpSink):
    notice = clinic.notice()
    sender = clinic.sender(smtp_sink.url)

    outcomes = [sender.send(notice), sender.send(notice)]

    assert outcomes == [Outcome.SENT, Outcome.NOT_OURS]
    assert smtp_sink.deliveries() == 1


def test_eight_senders_released_together_send_once(clinic: Clinic, smtp_sink: SmtpSink):
    notice = clinic.notice()
    sender = clinic.sender(smtp_sink.url)

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda _: sender.send(notice), range(8)))

    assert sorted(outcomes) == sorted([Outcome.SENT] + [Outcome.NOT_OURS] * 7)
    assert smtp_sink.deliveries() == 1


def test_while_the_mail_server_is_away_the_notice_waits_and_is_then_sent_once(
    clinic: Clinic, smtp_sink: SmtpSink
):
    notice = clinic.notice()
    sender = clinic.sender(smtp_sink.url)
    smtp_sink.stop()

    while_away = [sender.send(notice), sender.send(notice)]
    reason = clinic.row(notice).last_error
    smtp_sink.start()
    clinic.let_back_off_end(notice)
    afterwards = [sender.send(notice), sender.send(notice)]

    assert while_away == [Outcome.FAILED_FOR_NOW, Outcome.NOT_OURS], (
        "the second one must respect the back-off"
    )
    assert reason == "connecting failed: ConnectionRefusedError"
    assert afterwards == [Outcome.SENT, Outcome.NOT_OURS]
    assert smtp_sink.deliveries() == 1


def test_a_sender_that_died_after_the_delivery_shows_the_mail_only_once(clinic: Clinic, smtp_sink: SmtpSink):
    notice = clinic.notice()
    sender = clinic.sender(smtp_sink.url)
    died = replace(sender, database=DiesBeforeSaying(clinic.database.url))

    with pytest.raises(Unavailable):
        died.send(notice)
    clinic.let_claim_lapse(notice)
    clinic.let_back_off_end(notice)
    outcome = sender.send(notice)

    assert outcome is Outcome.SENT
    assert smtp_sink.deliveries() == 2
    assert len(smtp_sink.messages()) == 1


def test_a_booking_without_an_address_is_skipped(clinic: Clinic):
    notice = clinic.notice(clinic.booking(patient_email=None))

    outcome = clinic.sender(NOWHERE).send(notice)

    assert outcome is Outcome.SKIPPED
    assert clinic.row(notice).last_error == "no e-mail address"
    assert clinic.due() == []


def test_a_confirmation_that_was_held_up_is_not_sent_after_the_cancellation(
    clinic: Clinic, smtp_sink: SmtpSink
):
    booking = clinic.booking()
    confirmation = clinic.notice(booking, "confirmation", 0)
    clinic.sender(NOWHERE).send(confirmation)
    cancellation = clinic.notice(booking, "cancellation", 1)
    sender = clinic.sender(smtp_sink.url)

    told = sender.send(cancellation)
    clinic.let_back_off_end(confirmation)
    late = sender.send(confirmation)

    assert [told, late] == [Outcome.SENT, Outcome.SKIPPED]
    assert [message["Subject"][:21] for message in smtp_sink.messages()] == ["Appointment cancelled"]


def test_a_confirmation_and_a_quick_cancellation_arrive_in_order_with_rising_sequence(
    clinic: Clinic, smtp_sink: SmtpSink
):
    booking = clinic.booking()
    confirmation = clinic.notice(booking, "confirmation", 0)
    cancellation = clinic.notice(booking, "cancellation", 1)
    sender = clinic.sender(smtp_sink.url)

    too_early = sender.send(cancellation)
    sender.send(confirmation)
    sender.send(cancellation)

    assert too_early is Outcome.NOT_OURS
    events = [_event_of(message) for message in smtp_sink.messages()]
    assert [(event["SEQUENCE"], event["STATUS"]) for event in events] == [(0, "CONFIRMED"), (1, "CANCELLED")]
    assert len({event["UID"] for event in events}) == 1


def test_a_mailbox_that_does_not_exist_makes_the_notice_fail_visibly(clinic: Clinic):
    notice = clinic.notice()

    with (
        serving(MoodyServer(recipient="550 5.1.1 <mia@example.org> unknown")) as port,
        capture_logs() as lines,
    ):
        outcome = clinic.sender(f"smtp://127.0.0.1:{port}").send(notice)

    assert outcome is Outcome.FAILED_FOR_GOOD
    assert clinic.row(notice).status == "FAILED"
    assert clinic.row(notice).last_error == "recipient refused: 550 5.1.1"
    assert [line["log_level"] for line in lines] == ["error"]


@pytest.mark.parametrize("answer", ["250 ok", "450 <mia@example.org> later", "550 <mia@example.org> never"])
def test_logs_and_rows_hold_no_patient_data(clinic: Clinic, answer: str):
    notice = clinic.notice()

    with serving(MoodyServer(recipient=answer)) as port, capture_logs() as lines:
        clinic.sender(f"smtp://127.0.0.1:{port}").send(notice)

    told = repr(lines) + repr(clinic.row(notice))
    assert str(notice) in told
    for secret in ("mia", "Mia", "Berg", "chemotherapy", "token-of"):
        assert secret not in told


def test_no_mail_tells_why_the_patient_comes(clinic: Clinic, smtp_sink: SmtpSink):
    booking = clinic.booking(cancel_reason="relapse")
    sender = clinic.sender(smtp_sink.url)

    of_one_booking = [kind for kind in queue.Kind if not kind.startswith("series")]
    for sequence, kind in enumerate(of_one_booking):
        sender.send(clinic.notice(booking, kind, sequence))

    messages = smtp_sink.messages()
    assert len(messages) == 3
    for message in messages:
        content = "".join(part.as_string() for part in message.walk() if not part.is_multipart())
        content += "".join(str(part.get_content()) for part in message.walk() if not part.is_multipart())
        for secret in ("chemotherapy", "Oncology", "relapse"):
            assert secret not in content


def test_times_follow_the_zone_of_the_doctor(clinic: Clinic, smtp_sink: SmtpSink):
    notice = clinic.notice(clinic.booking(clinic.doctor(timezone="America/New_York")))

    clinic.sender(smtp_sink.url).send(notice)

    (message,) = smtp_sink.messages()
    assert "04:30 to 05:00, America/New_York time (UTC-04:00)" in message.get_body(("plain",)).get_content()


def test_under_gevent_a_slow_mail_server_holds_up_one_greenlet_and_not_the_others(postgres_clinic: Clinic):
    notices = [str(postgres_clinic.notice()) for _ in range(3)]

    with serving(AnswersWhenThreeAreThere()) as port:
        done = subprocess.run(
            [sys.executable, "-c", SEND_IN_GREENLETS, *notices],
            cwd=ROOT,
            env=clean_environment(
                DATABASE_URL=postgres_clinic.database.url, SMTP_URL=f"smtp://127.0.0.1:{port}"
            ),
            capture_output=True,
            text=True,
            timeout=30,
        )

    assert done.stdout.split()[-3:] == ["sent"] * 3, done.stdout + done.stderr


SEND_IN_GREENLETS = """
from gevent import monkey; monkey.patch_all()
import sys
from gevent.pool import Pool
from worker.jobs import send_notice
print(*Pool(3).map(send_notice, sys.argv[1:]), sep="\\n")
"""


class AnswersWhenThreeAreThere(MoodyServer):
    """Keeps each mail waiting until three are being delivered at once."""

    def __init__(self) -> None:
        super().__init__()
        self.three = asyncio.Barrier(3)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        await self.three.wait()
        return "250 ok"


class DiesBeforeSaying:
    """A database that is gone after the claim."""

    def __init__(self, url: str) -> None:
        self._database = Database(url, keyring=KEYRING)
        self._calls = 0

    def run(self, work):
        self._calls += 1
        if self._calls > 1:
            self._database.dispose()
            raise Unavailable
        return self._database.run(work)


def _event_of(message):
    (part,) = [part for part in message.walk() if part.get_content_type() == "text/calendar"]
    (event,) = Calendar.from_ical(part.get_content()).events
    return event
