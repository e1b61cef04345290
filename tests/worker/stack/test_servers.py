"""The servers that `make run` and the tests start themselves."""

import os
import smtplib
from email.message import EmailMessage

import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.servers import RunningRedis, SmtpSink
from worker.stack.postgres import PostgresServer


def test_postgres_keeps_the_app_role_from_being_superuser(empty_postgres_url: str) -> None:
    with psycopg.connect(empty_postgres_url) as connection:
        row = connection.execute(
            "SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user"
        ).fetchone()

    assert row == ("oneslot", False)


def test_the_app_role_may_add_the_extension_for_overlap_constraints(empty_postgres_url: str) -> None:
    with psycopg.connect(empty_postgres_url) as connection:
        connection.execute("CREATE EXTENSION btree_gist")
        connection.execute(
            "CREATE TABLE t (who int, span tstzrange, EXCLUDE USING gist (who WITH =, span WITH &&))"
        )
        connection.execute("INSERT INTO t VALUES (1, '[2030-01-01 09:00Z, 2030-01-01 10:00Z)')")

        with pytest.raises(psycopg.errors.ExclusionViolation):
            connection.execute("INSERT INTO t VALUES (1, '[2030-01-01 09:30Z, 2030-01-01 10:30Z)')")


def test_postgres_refuses_a_wrong_password(empty_postgres_url: str) -> None:
    wrong = psycopg.conninfo.make_conninfo(empty_postgres_url, password="guess")

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_postgres_never_runs_as_root(postgres_server: PostgresServer) -> None:
    postmaster = int((postgres_server.data / "postmaster.pid").read_text().split()[0])

    assert os.stat(f"/proc/{postmaster}").st_uid != 0


def test_postgres_data_of_another_major_version_is_not_touched(postgres_server: PostgresServer) -> None:
    version_file = postgres_server.data / "PG_VERSION"
    original = version_file.read_text()
    version_file.write_text("9\n")

    with pytest.raises(Exception, match="was written by PostgreSQL 9"):
        postgres_server.prepare()

    version_file.write_text(original)


def test_redis_refuses_whoever_has_no_password(own_redis: RunningRedis) -> None:
    stranger = redis.Redis(host="127.0.0.1", port=own_redis.server.port, retry=Retry(NoBackoff(), 0))

    with pytest.raises(redis.AuthenticationError):
        stranger.ping()

    stranger.close()


def test_redis_has_its_data_again_after_a_kill(own_redis: RunningRedis) -> None:
    with redis.Redis.from_url(own_redis.url) as client:
        client.set("kept", "yes")

    own_redis.restart()

    with redis.Redis.from_url(own_redis.url) as client:
        assert client.get("kept") == b"yes"


def test_the_sink_shows_a_message_once_however_often_it_is_delivered(smtp_sink: SmtpSink) -> None:
    message = EmailMessage()
    message["Message-ID"] = "<booking-1@example.org>"
    message["Subject"] = "Your appointment"
    message["To"] = "patient@example.org"
    message.set_content("Tomorrow at nine.")

    for _ in range(2):
        with smtplib.SMTP("127.0.0.1", smtp_sink.port) as client:
            client.send_message(message, from_addr="desk@example.org")

    assert [mail["Subject"] for mail in smtp_sink.messages()] == ["Your appointment"]
    assert smtp_sink.deliveries() == 2


def test_two_messages_without_an_id_are_two_messages(smtp_sink: SmtpSink) -> None:
    with smtplib.SMTP("127.0.0.1", smtp_sink.port) as client:
        for text in ("one", "two"):
            client.sendmail("desk@example.org", ["patient@example.org"], f"Subject: {text}\r\n\r\n{text}")

    assert [mail["Subject"] for mail in smtp_sink.wait_for(2)] == ["one", "two"]
