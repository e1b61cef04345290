"""What is wrong with each field of a request, in words for a person."""

from __future__ import annotations

import re

from pydantic import ValidationError

MOST_COMPLAINTS = 30
#: How pydantic calls a type that a value might have been, such as "function-after[_utc_in_range(), ...]".
BRANCH = re.compile(r"(function-|is-|constrained-)[a-z]+\[.*\]", re.DOTALL)
WORDS = {
    "missing": "is required",
    "extra_forbidden": "is not a field of this request",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "bool_type": "must be true or false",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
    "dict_type": "must be a JSON object",
    "list_type": "must be a list",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
}


def wrong_fields(error: ValidationError) -> list[dict[str, str]]:
    """One entry per complaint, up to thirty: the field's path and the reason."""
    return [
        {"field": _field(complaint["loc"]),
         "message": _words(complaint["type"], complaint["msg"], complaint.get("ctx", {}))}
        for complaint in error.errors(include_url=False, include_input=False)[:MOST_COMPLAINTS]
    ]  # fmt: skip


def _field(place: tuple[int | str, ...]) -> str:
    """The path to the value; of a choice between types, pydantic names the branch too, which says nothing."""
    steps = [str(step) for step in place]
    return ".".join(step for step in steps if not BRANCH.fullmatch(step)) or "body"


def _words(kind: str, message: str, context: dict[str, object]) -> str:
    if kind in WORDS:
        return WORDS[kind].format(**context)
    plain = message.removeprefix("Value error, ")
    return plain[:1].lower() + plain[1:]
