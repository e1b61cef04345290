"""Log lines: JSON in production, readable in development; each carries node and correlation id."""

from __future__ import annotations

import logging
import re
import sys
from contextlib import nullcontext
from typing import Any, TextIO, cast

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from app.config import Config

#: Control characters can forge lines (CR, LF) or drive a terminal (ESC); JSON escapes them by itself.
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

_STAMP = structlog.processors.TimeStamper(fmt="iso", utc=True)


def configure_logs(config: Config, service: str = "web") -> None:
    """Send structlog's lines and the standard library's to standard output in one form."""
    render = _json_renderers() if config.app_env == "production" else _readable_renderers()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_constants(service=service, node=config.node_id),
        structlog.processors.add_log_level,
        _STAMP,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(_number(config.log_level)),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
    )
    constants = {"service": service, "node": config.node_id}
    is_json = config.app_env == "production"
    handler = JsonLines(constants) if is_json else logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    _replace_root_handler(handler, config.log_level)


class JsonLines(logging.StreamHandler[TextIO]):
    """Also takes an event as it is: every request writes one, and the way through structlog and logging costs
    more than many a request itself."""

    def __init__(self, constants: dict[str, str]) -> None:
        super().__init__(sys.stdout)
        self._constants = constants

    def tell(self, event: EventDict) -> None:
        line = _STAMP(None, "", {**self._constants, **event, "level": "info"})
        with self.lock or nullcontext():
            self.stream.write(_dumps(line) + self.terminator)
            self.flush()


def log_request(message: str, **fields: Any) -> None:
    """The line of one request, in the same form as every other line."""
    root = logging.getLogger()
    if root.level > logging.INFO:
        return
    for handler in root.handlers:
        if isinstance(handler, JsonLines):
            handler.tell({**structlog.contextvars.get_contextvars(), **fields, "message": message})
            return
    structlog.get_logger("request").info(message, **fields)


def _replace_root_handler(handler: logging.StreamHandler[TextIO], level: str) -> None:
    root = logging.getLogger()
    for former in [each for each in root.handlers if each.get_name() == "oneslot"]:
        root.removeHandler(former)
    handler.set_name("oneslot")
    root.addHandler(handler)
    root.setLevel(_number(level))


def _number(level: str) -> int:
    return cast(int, getattr(logging, level.upper()))


def _add_constants(**constants: str) -> Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {**constants, **event}

    return add


def _json_renderers() -> list[Processor]:
    return [
        structlog.processors.format_exc_info,
        structlog.processors.EventRenamer("message"),
        structlog.processors.JSONRenderer(serializer=_dumps),
    ]


def _readable_renderers() -> list[Processor]:
    # A plain traceback: the decorated one prints local variables, and with them secrets.
    console = structlog.dev.ConsoleRenderer(
        colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
    return [_escape_controls, console]


def _dumps(event: EventDict, **_options: Any) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _escape_controls(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {key: _escaped(value) if isinstance(value, str) else value for key, value in event.items()}


def _escaped(text: str) -> str:
    return CONTROLS.sub(lambda match: repr(match.group())[1:-1], text)
