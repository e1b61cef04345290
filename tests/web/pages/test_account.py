"""The pages of accounts (J1, J4, N17): one login for everybody, an opaque cookie, the second step."""

import hashlib
import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update

from app.accounts import totp
from app.accounts.actions import NewAccount, add_account
from app.accounts.own import reset_token
from app.accounts.principals import Role
from app.database import db_now
from app.tables import AccountMail, Session, User
from app.web.parts import EXTENSION
from tests.web.conftest import make_app

PASSWORD = "correct horse battery"
ADDRESS = "ann@example.org"


@pytest.fixture
def parts(app):
    return app.extensions[EXTENSION]


def add_user(parts, role=Role.PATIENT, email=ADDRESS):
    account = NewAccount(email, "Ann Example", parts.passwords.hash(PASSWORD), role)
    return parts.database.run(lambda tx: add_account(tx, account))


def log_in(person, email=ADDRESS, password=PASSWORD, **more):
    person.open("/login")
    return person.send("/login", email=email, password=password, **more)


def cookie(person):
    found = person.client.get_cookie("sid")
    return found.value if found else None


def code_now(secret, steps_ahead=0):
    return totp.code_at(secret, int(datetime.now(UTC).timestamp() // totp.STEP_SECONDS) + steps_ahead)


def test_registering_without_a_name_asks_for_ones_own(person):
    person.open("/register")

    person.send("/register", email=ADDRESS, password=PASSWORD)

    assert person.page.status_code == 422
    assert "Enter your full name" in person.text


def test_registering_opens_the_account_and_logs_in(person):
    person.open("/register")

    person.send("/register", name="Ann Example", email=ADDRESS, password=PASSWORD)

    assert person.path == "/my"
    assert person.heading == "My bookings"
    assert "Ann Example" in person.open("/").text


def test_what_is_wrong_with_a_registration_is_said_at_the_field(person):
    person.open("/register")

    answer = person.send("/register", name="A", email="nowhere", password="short")

    assert answer.status_code == 422
    assert [f'id="{name}-wrong"' in person.text for name in ("name", "email", "password")] == [True] * 3


def test_a_password_never_comes_back_in_a_page(person):
    person.open("/register")

    person.send("/register", name="A", email="nowhere", password="hunter2 hunter2")

    assert "hunter2" not in person.text


def test_the_cookie_is_opaque_and_only_its_hash_is_stored(person, parts):
    add_user(parts)

    answer = log_in(person, next="/account")

    token = cookie(person)
    with parts.database.read() as connection:
        stored = connection.execute(select(Session.token_hash)).scalars().all()
    assert stored == [hashlib.sha256(token.encode()).hexdigest()]
    assert len(token) >= 43
    assert answer.status_code == 200


def test_the_cookie_cannot_be_read_by_scripts_nor_sent_by_other_sites(person, parts):
    add_user(parts)
    person.open("/login")

    answer = person.send("/login", follow=False, email=ADDRESS, password=PASSWORD)

    header = next(value for value in answer.headers.getlist("Set-Cookie") if value.startswith("sid="))
    assert "HttpOnly" in header
    assert "SameSite=Lax" in header


def test_over_https_the_cookie_belongs_to_this_host_alone(sqlite_url):
    app = make_app(sqlite_url)
    add_user(app.extensions[EXTENSION])
    client = app.test_client()
    base = "https://localhost"
    page = client.get("/login", base_url=base).text
    token = re.search(r'name="form_token" value="([^"]+)"', page).group(1)

    answer = client.post(
        "/login", base_url=base, headers={"Origin": base, "Sec-Fetch-Site": "same-origin"},
        data={"form_token": token, "email": ADDRESS, "password": PASSWORD},
    )  # fmt: skip

    header = next(value for value in answer.headers.getlist("Set-Cookie") if "sid=" in value)
    assert header.startswith("__Host-sid=")
    assert "Secure" in header
    assert "Path=/" in header


def test_a_token_known_before_the_login_is_worth_nothing_after_it(person, parts):
    add_user(parts)
    person.client.set_cookie("sid", "planted-by-somebody-else")

    log_in(person)
    first = cookie(person)
    person.client.set_cookie("sid", first)
    person.open("/login")
    person.send("/logout")
    log_in(person)

    assert first != "planted-by-somebody-else"
    assert cookie(person) != first


def test_logging_in_again_ends_the_login_before(person, parts, app):
    add_user(parts)
    log_in(person)
    first = cookie(person)
    person.send("/login", email=ADDRESS, password=PASSWORD)

    other = app.test_client()
    other.set_cookie("sid", first)

    assert other.get("/account").status_code == 303


@pytest.mark.parametrize(("email", "password"), [(ADDRESS, "a wrong one"), ("nobody@example.org", PASSWORD)])
def test_a_wrong_password_and_an_unknown_address_look_the_same(person, parts, email, password):
    add_user(parts)

    answer = log_in(person, email, password)

    assert answer.status_code == 422
    assert "The e-mail address or the password is not right" in person.text


def test_without_a_login_one_is_asked_to_log_in_and_comes_back(person, parts):
    add_user(parts)

    person.client.get("/account/security")
    answer = person.open("/account/security")
    person.open(answer.headers["Location"])
    person.send("/login", email=ADDRESS, password=PASSWORD, next="/account/security")

    assert answer.status_code == 303
    assert person.path == "/account/security"


@pytest.mark.parametrize(
    "elsewhere", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_a_login_never_leads_to_another_site(person, parts, elsewhere):
    add_user(parts)
    person.open("/login")

    answer = person.send("/login", follow=False, email=ADDRESS, password=PASSWORD, next=elsewhere)

    assert answer.headers["Location"] == "/my"


def test_logging_out_ends_the_login_not_just_the_cookie(person, parts, app):
    add_user(parts)
    log_in(person)
    token = cookie(person)

    person.send("/logout")

    thief = app.test_client()
    thief.set_cookie("sid", token)
    assert thief.get("/account").status_code == 303


def test_changing_the_password_ends_the_other_browsers(person, somebody_else, parts):
    add_user(parts)
    log_in(somebody_else)
    log_in(person)
    person.open("/account/security")

    person.send("/account/password", current_password=PASSWORD, new_password="quite another password")

    assert "every other login has ended" in person.text
    assert somebody_else.open("/account").status_code == 303


def test_the_api_does_not_believe_a_browsers_cookie(person, parts):
    add_user(parts)
    log_in(person)

    assert person.client.get("/api/auth/me").status_code == 401


def test_a_second_step_is_set_up_asked_for_and_gives_a_new_token(person, somebody_else, parts):
    add_user(parts)
    log_in(person)
    person.open("/account/second-step")
    secret = re.search(r'setup__key">([A-Z2-7 ]+)<', person.text).group(1).replace(" ", "")
    person.send("/account/second-step", code=code_now(secret))
    codes = re.findall(r'<li class="code">([A-Z0-9-]+)</li>', person.text)

    log_in(somebody_else)
    after_password = cookie(somebody_else)
    is_in_before_code = somebody_else.open("/account").status_code == 200
    somebody_else.open("/login/code")
    somebody_else.send("/login/code", code=codes[0])

    assert len(codes) == 10
    assert not is_in_before_code
    assert somebody_else.path == "/my"
    assert cookie(somebody_else) != after_password


def test_a_wrong_code_does_not_let_in_and_six_of_them_have_to_wait(person, parts):
    user_id = add_user(parts)
    parts.database.run(
        lambda tx: tx.execute(update(User).values(totp_secret=totp.new_secret(), totp_since=db_now()))
    )
    log_in(person)

    statuses = [person.send("/login/code", code="000000").status_code for _ in range(7)]

    assert statuses == [422] * 6 + [429]
    assert user_id


def test_a_mailed_link_leads_to_a_new_password_and_looking_uses_nothing_up(person, parts):
    add_user(parts)
    person.open("/forgot")
    person.send("/forgot", email=ADDRESS)
    with parts.database.read() as connection:
        mail_id = connection.execute(select(AccountMail.id)).scalar_one()
    link = f"/reset/{reset_token(parts.config.secret_key, mail_id)}"

    looked = [person.open(link).status_code for _ in range(2)]
    person.send(link, new_password="quite another password")
    again = person.open(link)

    assert looked == [200, 200]
    assert person.open("/login").status_code == 200
    assert again.status_code == 404
    assert log_in(person, password="quite another password").status_code == 200


def test_a_reset_says_the_same_for_an_address_without_an_account(person):
    person.open("/forgot")

    person.send("/forgot", email="nobody@example.org")

    assert person.heading == "Look into your mailbox"


def test_one_who_may_see_others_data_is_logged_off_after_half_an_hour_of_rest(person, parts):
    add_user(parts, Role.STAFF)
    log_in(person)
    parts.database.run(lambda tx: tx.execute(update(Session).values(last_seen_at=db_now(-31 * 60))))

    assert person.open("/account").status_code == 303


def test_a_patient_is_not(person, parts):
    add_user(parts)
    log_in(person)
    parts.database.run(lambda tx: tx.execute(update(Session).values(last_seen_at=db_now(-31 * 60))))

    assert person.open("/account").status_code == 200


def test_a_role_is_worth_nothing_without_a_second_factor_where_one_is_required(sqlite_url):
    app = make_app(sqlite_url, REQUIRE_SECOND_FACTOR="true")
    client, parts = app.test_client(), app.extensions[EXTENSION]
    add_user(parts, Role.ADMIN)
    login = client.post("/api/auth/login", json={"email": ADDRESS, "password": PASSWORD}).json["data"]
    headers = {"Authorization": f"Bearer {login['token']}"}

    before = client.get("/api/patients", headers=headers).status_code
    secret = client.post("/api/auth/second-factor", headers=headers).json["data"]["secret"]
    client.post("/api/auth/second-factor/confirm", json={"code": code_now(secret)}, headers=headers)
    after = client.get("/api/patients", headers=headers).status_code

    assert (before, after) == (403, 200)


def test_the_monitor_shares_the_login(person, parts):
    add_user(parts, Role.OPERATOR)

    person.open(person.open("/monitor/login?next=/monitor").headers["Location"])
    person.send("/login", email=ADDRESS, password=PASSWORD, next="/monitor")

    assert person.path == "/monitor/health"
    assert "Ann Example" in person.text


def test_whoever_is_forgotten_is_not_greeted_by_the_page_that_says_so(person, parts):
    add_user(parts)
    log_in(person)
    person.open("/account/data")

    person.send("/account/data/erase", password=PASSWORD)

    assert "You are forgotten" in person.text
    assert "Ann Example" not in person.text
    assert "Log out" not in person.text
