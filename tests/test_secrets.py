"""Secrets come from the environment or a file, and are changed without ending anybody's link (F10, I10)."""

import hashlib
import hmac
import uuid
from datetime import UTC, datetime

import pytest

from app.accounts.own import read_reset_token, reset_token
from app.accounts.tokens import issue_token, read_token
from app.algorithms.logical_clocks import HybridStamp
from app.booking import manage_token, ticket_code
from app.config import Config, ConfigError
from app.coordination.replication.session import Session, write_token
from app.coordination.stamps import Stamp
from app.errors import Unauthenticated
from app.web.causal import write_stamp
from app.web.parts import EXTENSION
from app.web.session_tokens import given_session
from tests.web.conftest import make_app

OLD, NEW = "o" * 40, "n" * 40
DATA = "d" * 40
PRODUCTION = {"APP_ENV": "production", "BASE_URL": "https://example.org", "DATA_KEY": DATA}
SOMETHING = uuid.UUID(int=7)


@pytest.fixture
def rotated():
    return Config.from_env({**PRODUCTION, "SECRET_KEY": NEW, "SECRET_KEY_EARLIER": OLD})


def test_what_was_made_before_the_change_still_opens(rotated):
    link = manage_token.issue(OLD, SOMETHING)
    token = issue_token(OLD, SOMETHING, SOMETHING, datetime.now(UTC))

    assert manage_token.read(rotated.secret_key, link, rotated.earlier_secrets) == SOMETHING
    assert read_token(rotated.secret_key, token, rotated.earlier_secrets) == SOMETHING
    assert read_reset_token(rotated.secrets, reset_token(OLD, SOMETHING)) == SOMETHING


def test_tickets_and_tokens_of_before_the_change_are_good_after_it(rotated):
    code = ticket_code.issue(OLD, SOMETHING)

    assert ticket_code.read(rotated.secrets, code) == SOMETHING
    assert ticket_code.read((NEW,), code) is None


@pytest.fixture(params=[OLD, ""], ids=["changing", "changed"])
def node_after(request, sqlite_url):
    """A node with the new secret, and whether it still knows the old one."""
    app = make_app(sqlite_url, SECRET_KEY=NEW, SECRET_KEY_EARLIER=request.param)
    yield app, bool(request.param)
    app.extensions[EXTENSION].database.dispose()


def test_a_form_opened_before_the_change_is_taken_while_the_old_secret_is_known(node_after):
    node, knows = node_after
    client = node.test_client()
    client.set_cookie("oneslot_form", "a browser")
    token = hmac.new(OLD.encode(), b"form:a browser", hashlib.sha256).hexdigest()
    typed = {"form_token": token, "reference": "ABC2345", "email": "a@example.org"}

    answer = client.post("/find", data=typed, headers={"Origin": "http://localhost"})

    assert answer.status_code == (404 if knows else 403)


def test_what_a_visitor_brings_from_before_the_change_counts_while_the_old_secret_is_known(node_after):
    node, knows = node_after
    stamp = Stamp(5000, {"node-1": 5000}, HybridStamp(1_900_000_000_000, 3, "node-1"))
    brought = {
        "X-Causal-Stamp": write_stamp(OLD, stamp),
        "X-Session-Token": write_token(OLD, Session((("s", 3),))),
    }

    with node.test_client() as client:
        client.get("/api/doctors", headers=brought)
        believed = given_session()

    assert (node.extensions[EXTENSION].engine.stamper.peek().lamport >= 5000) is knows
    assert (believed is not None) is knows


def test_after_a_leak_it_is_over_at_once():
    config = Config.from_env({**PRODUCTION, "SECRET_KEY": NEW})
    token = issue_token(OLD, SOMETHING, SOMETHING, datetime.now(UTC))

    assert (
        manage_token.read(config.secret_key, manage_token.issue(OLD, SOMETHING), config.earlier_secrets)
        is None
    )
    with pytest.raises(Unauthenticated):
        read_token(config.secret_key, token, config.earlier_secrets)


def test_a_proof_for_one_purpose_is_none_for_another():
    assert read_reset_token((NEW,), manage_token.issue(NEW, SOMETHING)) is None


def test_a_secret_may_stand_in_a_file(tmp_path):
    file = tmp_path / "key"
    file.write_text(NEW + "\n")

    config = Config.from_env({**PRODUCTION, "SECRET_KEY_FILE": str(file)})

    assert config.secret_key == NEW


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match="SECRET_KEY_FILE"):
        Config.from_env({**PRODUCTION, "SECRET_KEY_FILE": str(tmp_path / "nothing")})


@pytest.mark.parametrize(
    "unsafe",
    [{}, {"SECRET_KEY": "short"}, {"SECRET_KEY": NEW, "SECRET_KEY_EARLIER": "short"},
     {"SECRET_KEY": NEW, "BASE_URL": "http://example.org"},
     {"SECRET_KEY": NEW, "SHARED_ADDRESSES": "not a network"},
     {"SECRET_KEY": NEW, "DATA_KEY": ""}, {"SECRET_KEY": NEW, "DATA_KEY": "short"},
     {"SECRET_KEY": DATA}, {"SECRET_KEY": NEW, "DATA_KEY_EARLIER": "short"}],
)  # fmt: skip
def test_production_does_not_start_unsafe(unsafe):
    with pytest.raises(ConfigError):
        Config.from_env({**PRODUCTION, **unsafe})


def test_no_secret_is_shown(rotated):
    assert OLD not in repr(rotated)
    assert NEW not in repr(rotated)
    assert DATA not in repr(rotated)


def test_a_second_factor_is_asked_for_in_production_unless_said_otherwise(rotated):
    relaxed = Config.from_env({**PRODUCTION, "SECRET_KEY": NEW, "REQUIRE_SECOND_FACTOR": "false"})

    assert (rotated.asks_second_factor, relaxed.asks_second_factor) == (True, False)
    assert not Config.from_env({}).asks_second_factor
