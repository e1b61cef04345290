"""L1, L2, F9: one form of log line, and nobody can forge one (attack 32)."""

import logging

import orjson
import pytest
import structlog

from app.config import Config
from app.logs import configure_logs, log_request


@pytest.fixture
def lines(capsys):
    """lines(APP_ENV=...) sets logging up and gives a function that returns what was written."""

    def configure(**environ):
        defaults = {
            "APP_ENV": "production",
            "NODE_ID": "node-7",
            "SECRET_KEY": "s" * 32,
            "DATA_KEY": "d" * 32,
        }
        configure_logs(Config.from_env(defaults | environ))
        return lambda: capsys.readouterr().out.splitlines()

    yield configure
    root = logging.getLogger()
    for handler in [each for each in root.handlers if each.get_name() == "oneslot"]:
        root.removeHandler(handler)


def test_production_writes_one_json_object_per_line(lines):
    written = lines()

    structlog.get_logger().info("A slot was held.", slot_id=5)

    line = orjson.loads(written()[0])
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "message": "A slot was held.",
        "level": "info",
        "service": "web",
        "node": "node-7",
        "slot_id": 5,
    }


def test_the_line_of_a_request_has_the_form_of_all_others(lines):
    written = lines()

    with structlog.contextvars.bound_contextvars(correlation_id="order-66"):
        structlog.get_logger("request").info("GET /", status=200)
        log_request("GET /", status=200)

    ordinary, direct = (orjson.loads(line) for line in written())
    assert direct.pop("timestamp").endswith("Z")
    assert {**ordinary, "timestamp": None} == {**direct, "timestamp": None}


def test_the_lines_of_requests_obey_the_level(lines):
    written = lines(LOG_LEVEL="warning")

    log_request("GET /", status=200)

    assert written() == []


def test_libraries_write_in_the_same_form(lines):
    written = lines()

    logging.getLogger("some.library").warning("beware of %s", "dogs")

    assert orjson.loads(written()[0])["message"] == "beware of dogs"


def test_every_line_carries_the_bound_correlation_id(lines):
    written = lines()

    with structlog.contextvars.bound_contextvars(correlation_id="order-66"):
        structlog.get_logger().info("A slot was held.")

    assert orjson.loads(written()[0])["correlation_id"] == "order-66"


@pytest.mark.parametrize("app_env", ["production", "development"])
def test_a_value_cannot_begin_a_line_or_drive_the_terminal(lines, app_env):
    written = lines(APP_ENV=app_env)

    structlog.get_logger().info("A name came.", name="Ann\r\n2026 [error] forged\x1b[2J")

    output = written()
    assert len(output) == 1
    assert "\x1b[2J" not in output[0]
    assert "forged" in output[0]


def test_lines_below_the_level_are_not_written(lines):
    written = lines(LOG_LEVEL="warn")

    structlog.get_logger().info("A slot was held.")
    structlog.get_logger().warning("Redis is away.")

    assert [orjson.loads(line)["message"] for line in written()] == ["Redis is away."]


@pytest.mark.parametrize("app_env", ["production", "development"])
def test_a_traceback_shows_no_local_variables(lines, app_env):
    written = lines(APP_ENV=app_env)

    def fail():
        password = "".join(["sword", "fish"])
        raise ValueError(len(password))

    try:
        fail()
    except ValueError:
        structlog.get_logger().exception("It failed.")

    output = "\n".join(written())
    assert "ValueError: 9" in output
    assert "swordfish" not in output


def test_configuring_again_does_not_double_the_lines(lines):
    lines()
    written = lines()

    structlog.get_logger().info("A slot was held.")

    assert len(written()) == 1
