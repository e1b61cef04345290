import os
from collections.abc import Iterator
from email.message import EmailMessage
from html import unescape
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app.config import DEVELOPMENT_SECRET
from app.notices import queue
from app.web.parts import EXTENSION
from tests.notices.clinic import Clinic
from tests.notices.test_mail import mail as a_mail
from tests.web.conftest import make_app

NAME = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "mail"
    folder.mkdir()
    return folder


@pytest.fixture
def client(sqlite_url: str, folder: Path) -> Iterator[FlaskClient]:
    app = make_app(sqlite_url, MAIL_FOLDER=str(folder))
    yield app.test_client()
    app.extensions[EXTENSION].database.dispose()


def keep(folder: Path, message: EmailMessage | bytes, name: str = NAME, age_seconds: int = 0) -> None:
    file = folder / f"{name}.eml"
    file.write_bytes(message if isinstance(message, bytes) else message.as_bytes())
    os.utime(file, (1_800_000_000 - age_seconds,) * 2)


def test_without_mails_the_page_says_how_to_get_one(client: FlaskClient):
    page = client.get("/dev/mails")

    assert page.status_code == 200
    assert "No mail has arrived yet" in page.text


def test_a_folder_that_does_not_exist_yet_is_an_empty_one(client: FlaskClient, folder: Path):
    folder.rmdir()

    assert "No mail has arrived yet" in client.get("/dev/mails").text


def test_the_newest_mail_stands_first(client: FlaskClient, folder: Path):
    for age, letter in ((300, "a"), (100, "b"), (200, "c")):
        keep(folder, f"Subject: mail {letter}\n\nHello".encode(), letter * 32, age)

    page = client.get("/dev/mails").text

    assert page.index("mail b") < page.index("mail c") < page.index("mail a")


def test_a_mail_can_be_read_in_all_its_parts(client: FlaskClient, folder: Path):
    keep(folder, a_mail())

    page = client.get(f"/dev/mails/{NAME}").text

    assert "Mia Berg &lt;mia@example.org&gt;" in page
    assert "Europe/Berlin time (UTC+02:00)" in page
    assert "Calendar entry (REQUEST)" in page
    assert "UID:11111111-2222-4333-8444-555555555555@oneslot" in page
    assert "appointment.ics" in page


def test_the_html_of_a_mail_stays_inside_its_frame(client: FlaskClient, folder: Path):
    evil = EmailMessage()
    evil["Subject"] = "<script>alert(1)</script>"
    evil.set_content("<script>alert(2)</script>")
    evil.add_alternative('<head></head>"><script>alert(3)</script>', subtype="html")
    keep(folder, evil)

    page = client.get(f"/dev/mails/{NAME}")
    frame = page.text[page.text.index("<iframe") : page.text.index("</iframe>")]

    assert "<script>alert" not in page.text
    assert frame.count('"') == 2 * frame.count('="'), "a quote of the mail ended an attribute"
    assert '<base target="_blank"></head>"><script>alert(3)</script>' in unescape(frame)
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in frame
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00garbage",
        b"To: @@@<<<,\nSubject: =?utf-8?q?=ff?=\n\nx",
        b"Content-Type: text/plain; charset=klingon\n\nnuqneH",
        b"Content-Type: multipart/mixed; boundary=x\n\n--y\n",
        b"Content-Type: text/html\nContent-Transfer-Encoding: base64\n\n!!!",
    ],
)
def test_a_mail_of_whatever_shape_breaks_no_page(client: FlaskClient, folder: Path, content: bytes):
    keep(folder, content)

    assert client.get("/dev/mails").status_code == 200
    assert client.get(f"/dev/mails/{NAME}").status_code == 200


@pytest.mark.parametrize(
    "name", ["0" * 32, "..%2f..%2fetc%2fpasswd", "deliveries", NAME.upper(), NAME + "%0a"]
)
def test_what_is_no_mail_of_the_folder_is_not_found(client: FlaskClient, folder: Path, name: str):
    keep(folder, a_mail())

    assert client.get(f"/dev/mails/{name}").status_code == 404


def test_in_production_there_are_no_such_pages(sqlite_url: str, folder: Path):
    keep(folder, a_mail())
    app = make_app(
        sqlite_url,
        APP_ENV="production",
        SECRET_KEY="x" * len(DEVELOPMENT_SECRET),
        DATA_KEY="d" * 40,
        BASE_URL="https://clinic.example",
        MAIL_FOLDER=str(folder),
    )

    answers = [app.test_client().get(path).status_code for path in ("/dev/mails", f"/dev/mails/{NAME}")]

    app.extensions[EXTENSION].database.dispose()
    assert answers == [404, 404]


def test_notices_that_could_not_be_sent_are_visible_with_their_reason(client: FlaskClient):
    clinic = Clinic(client.application.extensions[EXTENSION].database)
    waiting, given_up = clinic.notice(), clinic.notice(kind="cancellation")
    retried, refused = clinic.claim(waiting), clinic.claim(given_up)
    clinic.database.run(lambda tx: queue.mark_failed(tx, retried, "connecting failed: TimeoutError"))
    clinic.database.run(lambda tx: queue.mark_undeliverable(tx, refused, "recipient refused: 550 5.1.1"))

    page = " ".join(client.get("/dev/mails").text.split())

    assert (
        "A mail (confirmation) waits for another try after 1 attempt: connecting failed: TimeoutError."
        in page
    )
    assert (
        "A mail (cancellation) could not be sent and will not be tried again after 1 attempt: "
        "recipient refused: 550 5.1.1."
    ) in page
