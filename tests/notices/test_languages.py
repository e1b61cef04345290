"""A mail is in its reader's language: of the booking, else of the account, else of the clinic."""

from dataclasses import replace

import pytest

from app.tables import User
from tests.notices.clinic import Clinic
from tests.servers import SmtpSink


def words_of(sink: SmtpSink) -> tuple[str, str]:
    """Subject, and everything else in one string."""
    (message,) = sink.messages()
    parts = [part for part in message.walk() if not part.is_multipart()]
    return str(message["Subject"]), "".join(part.get_payload(decode=True).decode() for part in parts)


def test_a_booking_made_in_german_is_confirmed_in_german(clinic: Clinic, smtp_sink: SmtpSink) -> None:
    booking = clinic.booking(language="de")

    clinic.sender(smtp_sink.url).send(clinic.notice(booking))

    subject, text = words_of(smtp_sink)
    assert subject.startswith("Termin bestätigt: ")
    for words in ("Guten Tag ", "Ihr Termin ist bestätigt.", " bis ", "Ansehen, verschieben oder absagen"):
        assert words in text
    assert '<html lang="de" dir="ltr">' in text
    assert "SUMMARY:Termin bei " in text
    assert "Appointment" not in text.replace("X-", "")


@pytest.mark.parametrize(
    ("clinic_speaks", "title"), [("de", "Termin abgesagt"), ("en", "Appointment cancelled")]
)
def test_of_whom_nothing_is_known_reads_as_the_clinic_speaks(
    clinic: Clinic, smtp_sink: SmtpSink, clinic_speaks: str, title: str
) -> None:
    sender = replace(clinic.sender(smtp_sink.url), language=clinic_speaks)

    sender.send(clinic.notice(kind="cancellation"))

    assert words_of(smtp_sink)[0].startswith(title)


def test_an_account_says_in_which_language_its_owner_reads(clinic: Clinic, smtp_sink: SmtpSink) -> None:
    mia = {
        "email": "mia@example.org",
        "name": "Mia",
        "password_hash": "",
        "role": "patient",
    }
    with clinic.database.transaction() as tx:
        user_id = tx.execute(
            User.__table__.insert().values(**mia, language="de").returning(User.id)
        ).scalar_one()

    clinic.sender(smtp_sink.url).send(clinic.notice(clinic.booking(user_id=user_id)))

    assert words_of(smtp_sink)[0].startswith("Termin bestätigt")
