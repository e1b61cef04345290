"""The ways in and out of a process, as RPC_TRANSPORT chooses: http, mailbox, or auto (both)."""

from __future__ import annotations

import errno

import structlog

from app.config import Config
from app.coordination.connection import connect_redis
from app.coordination.rpc.client import Transport
from app.coordination.rpc.desk import Desk
from app.coordination.rpc.http import HttpServer, HttpTransport
from app.coordination.rpc.mailbox import AutoTransport, MailboxServer, MailboxTransport, patient_redis
from app.coordination.rpc.peers import this_machine

log = structlog.get_logger("rpc")


def open_transport(config: Config) -> Transport:
    """How this process calls others."""
    if config.rpc_transport == "http":
        return HttpTransport()
    redis, patient = connect_redis(config.redis_url), patient_redis(config.redis_url)
    mailbox = MailboxTransport(redis, patient, config.node_id)
    if config.rpc_transport == "mailbox":
        return mailbox
    return AutoTransport(HttpTransport(), mailbox, this_machine())


class Doors:
    """Where others call this process. HTTP is always open: this node's own web workers use it."""

    def __init__(self, config: Config, desk: Desk) -> None:
        self._http = _listen(config.rpc_host, config.rpc_port, desk)
        self._mailbox: MailboxServer | None = None
        if config.rpc_transport != "http":
            redis, patient = connect_redis(config.redis_url), patient_redis(config.redis_url)
            self._mailbox = MailboxServer(redis, patient, config.node_id, desk.answer)

    @property
    def port(self) -> int:
        return self._http.port

    def open(self) -> None:
        self._http.start()
        if self._mailbox:
            self._mailbox.start()

    def close(self) -> None:
        self._http.close()
        if self._mailbox:
            self._mailbox.close()


def _listen(host: str, port: int, desk: Desk) -> HttpServer:
    try:
        return HttpServer(host, port, desk.answer)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        # Peers learn the new address with the next heartbeat; a node without a coordinator would be worse.
        log.warning("The port for calls is taken; another one is used.", port=port)
        return HttpServer(host, 0, desk.answer)
