"""The development page of mails."""

from email.message import EmailMessage
from pathlib import Path

from tests.web.conftest import make_app

DIGEST = "0123456789abcdef" * 2


def keep_mail(folder: Path) -> None:
    message = EmailMessage()
    message["Subject"] = "Your appointment <b>"
    message["To"] = "mara@example.org"
    message.set_content("See it: http://127.0.0.1:8080/m/token\n")
    message.add_attachment("BEGIN:VCALENDAR", subtype="calendar", filename="appointment.ics")
    (folder / f"{DIGEST}.eml").write_bytes(message.as_bytes())


def test_kept_mails_are_shown(sqlite_url: str, tmp_path: Path) -> None:
    keep_mail(tmp_path)
    client = make_app(sqlite_url, MAIL_FOLDER=str(tmp_path)).test_client()

    assert "Your appointment &lt;b&gt;" in client.get("/mails").text
    page = client.get(f"/mails/{DIGEST}").text
    assert '<a href="http://127.0.0.1:8080/m/token"' in page
    assert "appointment.ics" in page


def test_only_mails_can_be_named(sqlite_url: str, tmp_path: Path) -> None:
    client = make_app(sqlite_url, MAIL_FOLDER=str(tmp_path)).test_client()

    for name in ("x", DIGEST, "..%2f..%2fetc%2fpasswd"):
        assert client.get(f"/mails/{name}").status_code == 404


def test_production_has_no_such_page(sqlite_url: str, tmp_path: Path) -> None:
    keep_mail(tmp_path)
    production = make_app(
        sqlite_url,
        MAIL_FOLDER=str(tmp_path),
        APP_ENV="production",
        SECRET_KEY="s" * 40,
        BASE_URL="https://a.example.org",
    ).test_client()

    assert production.get("/mails").status_code == 404
    assert production.get(f"/mails/{DIGEST}").status_code == 404
    assert "Mails" not in production.get("/find").text
