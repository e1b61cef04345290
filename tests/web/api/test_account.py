"""One's own account over HTTP: password, logins, second factor, throttling (I6, I9; attacks 12 to 14)."""

import uuid
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update

from app.accounts import totp
from app.accounts.own import reset_token
from app.database import db_now
from app.tables import AccountMail, Attempt, Session, User
from app.web.parts import EXTENSION
from tests.web.conftest import PASSWORD

ANN = {"email": "ann@example.org", "name": "Ann Example", "password": PASSWORD}
NEW = "another long password"


@pytest.fixture
def parts(app):
    return app.extensions[EXTENSION]


@pytest.fixture
def ann(client):
    token = client.post("/api/auth/register", json=ANN).json["data"]["token"]
    return {"Authorization": f"Bearer {token}"}


def log_in(client, password=PASSWORD, **more):
    return client.post("/api/auth/login", json={"email": ANN["email"], "password": password, **more})


def bearer(answer):
    return {"Authorization": f"Bearer {answer.json['data']['token']}"}


def code_now(secret, steps_ahead=0):
    return totp.code_at(secret, int(datetime.now(UTC).timestamp() // totp.STEP_SECONDS) + steps_ahead)


def set_up_second_factor(client, headers):
    secret = client.post("/api/auth/second-factor", headers=headers).json["data"]["secret"]
    answer = client.post("/api/auth/second-factor/confirm", json={"code": code_now(secret)}, headers=headers)
    return secret, answer.json["data"]["recovery_codes"]


def test_a_changed_password_ends_every_other_login_and_counts_at_once(client, ann):
    elsewhere = bearer(log_in(client))

    answer = client.post(
        "/api/auth/password", json={"current_password": PASSWORD, "new_password": NEW}, headers=ann
    )

    assert answer.status_code == 200
    assert client.get("/api/auth/me", headers=ann).status_code == 200
    assert client.get("/api/auth/me", headers=elsewhere).status_code == 401
    assert log_in(client).status_code == 401
    assert log_in(client, NEW).status_code == 200


def test_a_password_is_not_changed_without_the_old_one(client, ann):
    answer = client.post(
        "/api/auth/password", json={"current_password": "not the password", "new_password": NEW}, headers=ann
    )

    assert answer.status_code == 422
    assert log_in(client).status_code == 200


def test_logging_out_everywhere_ends_every_login(client, ann):
    elsewhere = bearer(log_in(client))

    client.post("/api/auth/logout", json={"everywhere": True}, headers=ann)

    assert [client.get("/api/auth/me", headers=each).status_code for each in (ann, elsewhere)] == [401, 401]


def test_logins_are_listed_and_ended_one_by_one(client, ann):
    elsewhere = bearer(log_in(client))
    listed = client.get("/api/auth/sessions", headers=ann).json["data"]
    other = next(login["id"] for login in listed if not login["is_this"])

    ended = client.delete(f"/api/auth/sessions/{other}", headers=ann)

    assert (len(listed), ended.status_code) == (2, 200)
    assert client.get("/api/auth/me", headers=elsewhere).status_code == 401
    assert client.get("/api/auth/me", headers=ann).status_code == 200


def test_nobody_ends_the_login_of_somebody_else(client, ann):
    bob = bearer(client.post("/api/auth/register", json=ANN | {"email": "bob@example.org"}))
    login = client.get("/api/auth/sessions", headers=ann).json["data"][0]["id"]

    answer = client.delete(f"/api/auth/sessions/{login}", headers=bob)

    assert answer.status_code == 404
    assert client.get("/api/auth/me", headers=ann).status_code == 200


@pytest.mark.parametrize("field", ["role", "id", "limit_factor", "all_doctors", "disabled_at"])
def test_nobody_gives_themselves_more_than_a_name(client, ann, parts, field):
    answer = client.patch("/api/auth/me", json={"name": "Ann Other", field: "admin"}, headers=ann)

    assert answer.status_code == 422
    with parts.database.read() as connection:
        assert connection.execute(select(User.name, User.role)).one() == ("Ann Example", "patient")


@pytest.mark.parametrize("email", [ANN["email"], "nobody@example.org"])
def test_asking_for_a_reset_is_answered_alike_for_every_address(client, ann, email):
    answer = client.post("/api/auth/reset", json={"email": email})

    assert (answer.status_code, answer.json["data"]) == (202, {"done": True})


def reset_of_ann(parts):
    with parts.database.read() as connection:
        mail_id = connection.execute(select(AccountMail.id).where(AccountMail.kind == "reset")).scalar_one()
    return mail_id, reset_token(parts.config.secret_key, mail_id)


def test_a_reset_link_sets_the_password_once_and_ends_every_login(client, ann, parts):
    client.post("/api/auth/reset", json={"email": ANN["email"]})
    _, token = reset_of_ann(parts)

    first = client.post("/api/auth/reset/confirm", json={"token": token, "new_password": NEW})
    second = client.post("/api/auth/reset/confirm", json={"token": token, "new_password": "a third password"})

    assert (first.status_code, second.status_code) == (200, 404)
    assert client.get("/api/auth/me", headers=ann).status_code == 401
    assert log_in(client, NEW).status_code == 200


def test_a_reset_link_is_over_after_half_an_hour(client, ann, parts):
    client.post("/api/auth/reset", json={"email": ANN["email"]})
    _, token = reset_of_ann(parts)
    parts.database.run(lambda tx: tx.execute(update(AccountMail).values(created_at=db_now(-1801))))

    answer = client.post("/api/auth/reset/confirm", json={"token": token, "new_password": NEW})

    assert answer.status_code == 404


def test_a_reset_link_cannot_be_made_up_from_what_the_database_holds(client, ann, parts):
    client.post("/api/auth/reset", json={"email": ANN["email"]})
    mail_id, _ = reset_of_ann(parts)

    answer = client.post(
        "/api/auth/reset/confirm", json={"token": reset_token("x" * 40, mail_id), "new_password": NEW}
    )

    assert answer.status_code == 404


def test_with_a_second_factor_the_password_alone_opens_nothing(client, ann):
    secret, _ = set_up_second_factor(client, ann)

    without, wrong = log_in(client), log_in(client, code="000000")
    right = log_in(client, code=code_now(secret, 1))

    assert [without.status_code, wrong.status_code, right.status_code] == [401, 401, 200]
    assert without.json["error"]["code"] == "SECOND_FACTOR_REQUIRED"


def test_a_code_that_was_used_is_refused(client, ann):
    secret, _ = set_up_second_factor(client, ann)
    code = code_now(secret, 1)
    log_in(client, code=code)

    assert log_in(client, code=code).status_code == 401


def test_a_recovery_code_opens_once(client, ann):
    _, codes = set_up_second_factor(client, ann)

    first, again = log_in(client, code=codes[0]), log_in(client, code=codes[0])

    assert (len(set(codes)), first.status_code, again.status_code) == (10, 200, 401)


def test_removing_the_second_factor_takes_the_password(client, ann):
    set_up_second_factor(client, ann)

    refused = client.post("/api/auth/second-factor/remove", json={"password": "a guess or so"}, headers=ann)
    removed = client.post("/api/auth/second-factor/remove", json={"password": PASSWORD}, headers=ann)

    assert (refused.status_code, removed.status_code) == (422, 200)
    assert log_in(client).status_code == 200


@pytest.mark.parametrize("email", [ANN["email"], "nobody@example.org"])
def test_after_ten_wrong_passwords_even_the_right_one_waits(client, ann, email):
    tried = [
        client.post("/api/auth/login", json={"email": email, "password": f"guess number {n}"}).status_code
        for n in range(10)
    ]

    answer = client.post("/api/auth/login", json={"email": email, "password": PASSWORD})

    assert tried == [401] * 10
    assert (answer.status_code, answer.json["error"]["code"]) == (429, "RATE_LIMITED")
    assert 0 < int(answer.headers["Retry-After"]) <= 900


def test_a_wrong_password_on_each_of_many_accounts_is_noticed_by_address(client, app):
    def guess(number):
        return client.post(
            "/api/auth/login",
            json={"email": f"n{number}@example.org", "password": "guess guess"},
            environ_base={"REMOTE_ADDR": "203.0.113.9"},
        ).status_code

    statuses = [guess(number) for number in range(101)]

    assert statuses == [401] * 100 + [429]


def test_what_is_counted_is_over_after_its_window(client, ann, parts):
    for number in range(10):
        log_in(client, f"guess number {number}")
    parts.database.run(lambda tx: tx.execute(update(Attempt).values(since=db_now(-901))))

    assert log_in(client).status_code == 200


def test_no_address_stands_in_the_table_of_attempts(client, ann, parts):
    log_in(client, "a wrong password")

    with parts.database.read() as connection:
        names = connection.execute(select(Attempt.name)).scalars().all()
    assert names
    assert not any("@" in name or "127.0.0.1" in name for name in names)


def test_a_session_of_a_program_has_no_token_to_steal(client, ann, parts):
    with parts.database.read() as connection:
        assert connection.execute(select(Session.token_hash)).scalars().all() == [None]


def test_an_unknown_login_cannot_be_ended(client, ann):
    assert client.delete(f"/api/auth/sessions/{uuid.uuid4()}", headers=ann).status_code == 404
