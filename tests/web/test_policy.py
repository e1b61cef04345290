"""Deny by default: every route says who may call it (A29, I7; attack 8)."""

import uuid

import pytest

from app.booking import manage_token
from app.web.parts import EXTENSION
from app.web.policy import policy, policy_of
from tests.web.conftest import log_in_as, make_app

ROLES = ["patient", "staff", "operator", "admin"]
ADMITTED = {
    "authenticated": {"patient", "staff", "operator", "admin"},
    "owner": {"patient", "staff", "operator", "admin"},
    "staff": {"staff", "admin"},
    "operator": {"operator", "admin"},
    "admin": {"admin"},
}


def test_every_route_of_the_product_declares_who_may_call_it(sqlite_url):
    app = make_app(sqlite_url)

    undeclared = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if not rule.endpoint.endswith("static") and policy_of(app.view_functions[rule.endpoint]) is None
    }

    assert undeclared == set()


def test_a_route_without_a_policy_or_with_one_in_the_wrong_place_is_noticed(sample_app):
    @policy("admin")
    def inner() -> str:
        return "secret"

    def outer() -> str:
        return inner()

    outer.__dict__.update(inner.__dict__)  # as functools.wraps does

    assert policy_of(inner) == "admin"
    assert policy_of(outer) is None
    assert policy_of(lambda: "open") is None


def test_a_policy_that_does_not_exist_is_refused_when_the_route_is_made():
    with pytest.raises(AssertionError, match="no policy"):
        policy("everyone")


@pytest.mark.parametrize("who", ADMITTED)
def test_without_credentials_a_closed_route_answers_401(sample, who):
    answer = sample.get(f"/api/sample/for/{who}")

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("role", ROLES)
def test_a_role_enters_where_it_may_and_nowhere_else(sample_app, sample, role):
    headers = log_in_as(sample_app, sample, role)

    entered = {
        who for who in ADMITTED if sample.get(f"/api/sample/for/{who}", headers=headers).status_code == 200
    }

    assert entered == {who for who, roles in ADMITTED.items() if role in roles}


def test_a_caller_without_the_role_is_told_403(sample_app, sample):
    headers = log_in_as(sample_app, sample, "patient")

    answer = sample.get("/api/sample/for/admin", headers=headers)

    assert (answer.status_code, answer.json["error"]["code"]) == (403, "FORBIDDEN")


def test_a_manage_token_opens_the_door_of_owners_only(sample, sample_app):
    ours = manage_token.issue(sample_app.extensions[EXTENSION].config.secret_key, uuid.uuid4())
    headers = {"X-Manage-Token": ours}

    assert sample.get("/api/sample/for/owner", headers=headers).status_code == 200
    assert sample.get("/api/sample/for/authenticated", headers=headers).status_code == 401


def test_a_manage_token_that_we_never_gave_opens_nothing(sample):
    answer = sample.get("/api/sample/for/owner", headers={"X-Manage-Token": "x" * 43})

    assert answer.status_code == 401
