"""The envelope of every successful answer: data, which node gave it, when."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask import Response

from app.web.api.cursors import SortKey, write_cursor
from app.web.json import json_response
from app.web.parts import Parts, parts

Document = Mapping[str, Any]
#: Of an answer that was given before under the same key.
REPLAYED = ("Idempotency-Replayed", "true")


def answer(
    data: Any,
    status: int = 200,
    *,
    message: str | None = None,
    page: Mapping[str, Any] | None = None,
    replayed: bool = False,
) -> Response:
    """A success with this data; replayed says that it answered an earlier request with the same key."""
    response = json_response(enveloped(parts(), data, message, page), status)
    if replayed:
        response.headers.extend([REPLAYED])
    return response


def enveloped(
    here: Parts, data: Any, message: str | None = None, page: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The body of a success."""
    body: dict[str, Any] = {"success": True, "data": data}
    if page is not None:
        body["page"] = page
    if message is not None:
        body["message"] = message
    body["server"] = here.config.node_id
    body["timestamp"] = _moment(here)
    return body


def wrapped(data: bytes, given: Parts | None = None) -> bytes:
    """The envelope around data that is JSON already."""
    here = given or parts()
    foot = f',"server":"{here.config.node_id}","timestamp":"{_moment(here)}"}}'
    return b'{"success":true,"data":' + data + foot.encode()


def _moment(here: Parts) -> str:
    return here.clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")


def answer_page(documents: Sequence[Document], limit: int, sort_key: Callable[[Any], SortKey]) -> Response:
    """One page of a list, from up to limit + 1 documents: the extra one proves that more follow."""
    shown = documents[:limit]
    more = len(documents) > limit
    next_cursor = write_cursor(sort_key(shown[-1])) if more else None
    return answer(list(shown), page={"next_cursor": next_cursor, "limit": limit})
