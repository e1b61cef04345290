"""A29, A30, B24, B25, I5, O-5: accounts over HTTP."""

import base64
import json
import uuid
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from sqlalchemy import select, update

from app.accounts.tokens import AUDIENCE, ISSUER, issue_token
from app.config import DEVELOPMENT_SECRET
from app.database import db_now
from app.tables import IdempotencyRecord, Session, User
from app.web.parts import EXTENSION
from tests.web.conftest import PASSWORD

ANN = {"email": "ann@example.org", "name": "Ann Example", "password": PASSWORD}


@pytest.fixture
def database(app):
    return app.extensions[EXTENSION].database


@pytest.fixture
def register(client):
    def send(headers=None, **changes):
        return client.post("/api/auth/register", json=ANN | changes, headers=headers)

    return send


def me(client, token):
    return client.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})


def test_registering_makes_a_patient_who_is_logged_in(client, register):
    answer = register()

    assert answer.status_code == 201
    assert answer.json["data"]["user"]["role"] == "patient"
    assert me(client, answer.json["data"]["token"]).json["data"]["user"]["email"] == ANN["email"]


def test_the_password_is_stored_only_as_an_argon2_hash(register, database):
    register()

    with database.read() as connection:
        stored = connection.execute(select(User.password_hash)).scalar_one()
    assert stored.startswith("$argon2id$")


@pytest.mark.parametrize("role", ["user", "patient"])
def test_a_role_that_says_patient_is_tolerated(register, role):
    assert register(role=role).json["data"]["user"]["role"] == "patient"


@pytest.mark.parametrize("role", ["admin", "staff", "operator", "ADMIN", "root"])
def test_asking_for_more_than_patient_is_forbidden_and_stores_nothing(register, database, role):
    answer = register(role=role)

    assert (answer.status_code, answer.json["error"]["code"]) == (403, "FORBIDDEN")
    with database.read() as connection:
        assert connection.execute(select(User.id)).all() == []


def test_an_unknown_field_such_as_is_admin_is_refused(register):
    answer = register(is_admin=True)

    assert answer.status_code == 422
    assert [wrong["field"] for wrong in answer.json["errors"]] == ["is_admin"]


def test_an_address_in_use_is_a_conflict_in_any_spelling(register):
    register()

    answer = register(email="ANN@Example.ORG")

    assert (answer.status_code, answer.json["error"]["code"]) == (409, "CONFLICT")


def test_a_repeated_registration_with_its_key_is_replayed_and_logged_in(client, register, database):
    key = {"Idempotency-Key": "3f0c"}
    register(headers=key)

    replay = register(headers=key)

    assert replay.status_code == 201
    assert replay.headers["Idempotency-Replayed"] == "true"
    assert me(client, replay.json["data"]["token"]).status_code == 200
    with database.read() as connection:
        assert len(connection.execute(select(Session.id)).all()) == 1


def test_neither_token_nor_password_is_remembered_with_the_key(register, database):
    token = register(headers={"Idempotency-Key": "3f0c"}).json["data"]["token"]

    with database.read() as connection:
        kept = str(connection.execute(select(IdempotencyRecord)).one())
    assert token not in kept
    assert PASSWORD not in kept


def test_logging_in_gives_a_token_of_another_session(client, register):
    first = register().json["data"]["token"]

    answer = client.post("/api/auth/login", json={"email": "Ann@example.org", "password": PASSWORD})

    assert answer.status_code == 200
    assert _claims(answer.json["data"]["token"])["sid"] != _claims(first)["sid"]


def test_a_stale_token_does_not_stand_in_the_way_of_logging_in(client, register):
    register()

    answer = client.post(
        "/api/auth/login",
        json={"email": ANN["email"], "password": PASSWORD},
        headers={"Authorization": "Bearer a.b.c", "Idempotency-Key": "k-1"},
    )

    assert answer.status_code == 200


@pytest.mark.parametrize("email", [ANN["email"], "nobody@example.org"])
def test_a_wrong_password_and_an_unknown_address_get_the_same_words(client, register, email):
    register()

    answer = client.post("/api/auth/login", json={"email": email, "password": "not the password"})

    assert answer.status_code == 401
    assert answer.json["detail"] == "The e-mail address or the password is not right."


def test_an_unknown_address_costs_a_hash_as_well(app, client, monkeypatch):
    checked = []
    passwords = app.extensions[EXTENSION].passwords
    verify = passwords._hasher.verify
    monkeypatch.setattr(
        type(passwords._hasher), "verify", lambda self, *pair: checked.append(pair) or verify(*pair)
    )

    client.post("/api/auth/login", json={"email": "nobody@example.org", "password": "x"})

    assert len(checked) == 1


def test_after_logging_out_the_token_is_refused(client, register):
    token = register().json["data"]["token"]

    client.post("/api/auth/logout", headers={"Authorization": f"Bearer {token}"})

    assert me(client, token).status_code == 401


def test_a_disabled_account_is_out_at_once(client, register, database):
    token = register().json["data"]["token"]

    database.run(lambda tx: tx.execute(update(User).values(disabled_at=db_now())))

    assert me(client, token).status_code == 401
    login = client.post("/api/auth/login", json={"email": ANN["email"], "password": PASSWORD})
    assert login.status_code == 401


def test_a_login_ends_after_twelve_hours(client, register, database):
    token = register().json["data"]["token"]

    database.run(lambda tx: tx.execute(update(Session).values(created_at=db_now(-12 * 3600 - 1))))

    assert me(client, token).status_code == 401


def test_a_role_counts_from_the_next_request(client, register, database):
    token = register().json["data"]["token"]

    database.run(lambda tx: tx.execute(update(User).values(role="staff")))

    assert me(client, token).json["data"]["user"]["role"] == "staff"


def _claims(token):
    return jwt.decode(token, options={"verify_signature": False})


def _part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _expired(user, session):
    return issue_token(DEVELOPMENT_SECRET, user, session, datetime.now(UTC) - timedelta(minutes=16))


def _of_another_key(user, session):
    return issue_token("x" * 40, user, session, datetime.now(UTC))


def _unsigned(user, session):
    soon = int((datetime.now(UTC) + timedelta(minutes=5)).timestamp())
    claims = {"sub": str(user), "sid": str(session), "iss": ISSUER, "aud": AUDIENCE, "iat": soon - 400}
    return f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(claims | {'exp': soon})}."


def _of_another_algorithm(user, session):
    claims = _claims(issue_token(DEVELOPMENT_SECRET, user, session, datetime.now(UTC)))
    return jwt.encode(claims, DEVELOPMENT_SECRET.ljust(64, "0"), algorithm="HS512")


def _for_another_audience(user, session):
    claims = _claims(issue_token(DEVELOPMENT_SECRET, user, session, datetime.now(UTC)))
    return jwt.encode(claims | {"aud": "elsewhere"}, DEVELOPMENT_SECRET, algorithm="HS256")


def _with_edited_claims(user, session):
    head, _, signature = issue_token(DEVELOPMENT_SECRET, user, session, datetime.now(UTC)).split(".")
    claims = _claims(issue_token(DEVELOPMENT_SECRET, user, session, datetime.now(UTC)))
    return f"{head}.{_part(claims | {'sub': str(uuid.uuid4())})}.{signature}"


def _with_a_foreign_key_in_its_header(user, session):
    claims = _claims(issue_token(DEVELOPMENT_SECRET, user, session, datetime.now(UTC)))
    headers = {"kid": "../../dev/null", "jwk": {"kty": "oct", "k": "AAAA"}}
    return jwt.encode(claims, "a" * 40, algorithm="HS256", headers=headers)


@pytest.mark.parametrize(
    "forge",
    [
        _expired,
        _of_another_key,
        _unsigned,
        _of_another_algorithm,
        _for_another_audience,
        _with_edited_claims,
        _with_a_foreign_key_in_its_header,
    ],
)
def test_a_forged_or_stale_token_is_refused(client, register, forge):
    claims = _claims(register().json["data"]["token"])

    answer = me(client, forge(claims["sub"], claims["sid"]))

    assert (answer.status_code, answer.json["error"]["code"]) == (401, "UNAUTHENTICATED")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer a.b.c", "Basic YTpi", "Bearer \xff"])
def test_credentials_that_are_none_are_refused(client, header):
    answer = client.get("/api/auth/me", headers={"Authorization": header})

    assert answer.status_code == 401
