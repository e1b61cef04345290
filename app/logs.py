"""Log lines: JSON in production, readable in development; each carries node and correlation id."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any, cast

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from app.config import Config

#: Control characters can forge lines (CR, LF) or drive a terminal (ESC); JSON escapes them by itself.
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def configure_logs(config: Config, service: str = "web") -> None:
    """Send structlog's lines and the standard library's to standard output in one form."""
    render = _json_renderers() if config.app_env == "production" else _readable_renderers()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_constants(service=service, node=config.node_id),
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
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
    _replace_root_handler(formatter, config.log_level)


def _replace_root_handler(formatter: logging.Formatter, level: str) -> None:
    root = logging.getLogger()
    for handler in [each for each in root.handlers if each.get_name() == "oneslot"]:
        root.removeHandler(handler)
    handler = logging.StreamHandler(sys.stdout)
    handler.set_name("oneslot")
    handler.setFormatter(formatter)
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
