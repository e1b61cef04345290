"""JSON in and out: orjson for answers, a parser without surprises for requests."""

from __future__ import annotations

import json
from typing import Any

import orjson
from flask import Request, Response, current_app
from flask.json.provider import JSONProvider
from werkzeug.exceptions import UnsupportedMediaType

from app.errors import Refusal, ValidationFailed


class MalformedJson(Refusal):
    """The body is not one JSON value, or names a member twice."""

    code = "MALFORMED_JSON"
    title = "The body is not valid JSON"


class OrjsonProvider(JSONProvider):
    """Answers by orjson; aware datetimes become ISO 8601 with Z."""

    def dumps(self, obj: Any, **_options: Any) -> str:
        return to_json(obj)

    def loads(self, s: str | bytes, **_options: Any) -> Any:
        return orjson.loads(s)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        return json_response(self._prepare_response_obj(args, kwargs))


def json_response(body: Any, status: int = 200) -> Response:
    return current_app.response_class(json_bytes(body), status, mimetype="application/json")


class JsonRequest(Request):
    """A request whose JSON body is parsed strictly; no body at all counts as {}."""

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """Raises MalformedJson, ValidationFailed for null, UnsupportedMediaType for another type."""
        body = self.get_data(cache=cache)
        if not body:
            return {}
        if not self.is_json:
            raise UnsupportedMediaType("Send the body as application/json.")
        value = parse(body)
        if value is None:  # APIFlask would take it for {}
            raise ValidationFailed.of("body", "must be a JSON object")
        return value


def parse(body: bytes) -> Any:
    """The JSON value of body. Unlike json.loads: no NaN, no lone surrogate, and no member twice."""
    try:
        value = json.loads(body.decode(), object_pairs_hook=_members, parse_constant=_refuse_constant)
        if b"\\u" in body:
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise MalformedJson("The body is nested too deeply.") from None
    except UnicodeError:
        raise MalformedJson("The body is not UTF-8 text.") from None
    except json.JSONDecodeError as error:
        raise MalformedJson(f"{error.msg} at character {error.pos + 1}.") from None
    except ValueError:
        raise MalformedJson("The body contains a number that is far too long.") from None
    return value


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise MalformedJson("A member is given twice.")
    return members


def _refuse_constant(name: str) -> None:
    raise MalformedJson(f"{name} is not JSON.")


def to_json(value: Any) -> str:
    return json_bytes(value).decode()


def json_bytes(obj: Any) -> bytes:
    """The value as every answer has it."""
    return orjson.dumps(obj, default=str, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)
