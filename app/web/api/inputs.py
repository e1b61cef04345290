"""What every request model has in common; the types of its fields are in fields.py."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_snake
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from app.web.api.cursors import read_cursor

#: NUL breaks PostgreSQL's text; other controls and direction marks forge what people read.
CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
#: The same for the API's document, without the marks that few regular expressions there can name.
NO_CONTROLS = "^[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f]*$"
LARGEST_LIMIT = 100


class RequestModel(BaseModel):
    """What a caller may send: nothing unknown, snake_case or camelCase, no control characters."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _accept_camel_case(cls, data: Any) -> Any:
        if not isinstance(data, dict) or data.keys() <= cls.model_fields.keys():
            return data
        spellings = Counter(to_snake(name) for name in data)
        return {_field_name(cls, name, spellings): value for name, value in data.items()}

    @field_validator("*", mode="before")
    @classmethod
    def _trim_and_refuse_controls(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if CONTROLS.search(value):
            raise ValueError("must not contain control characters")
        return value.strip()

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Says of every free text what no text may hold."""
        schema = handler(core_schema)
        for field in handler.resolve_ref_schema(schema).get("properties", {}).values():
            for choice in (field, *field.get("anyOf", ())):
                if choice.get("type") == "string" and not choice.keys() & {
                    "pattern",
                    "format",
                    "enum",
                    "const",
                }:
                    choice["pattern"] = NO_CONTROLS
        return schema


def _field_name(model: type[BaseModel], name: str, spellings: Mapping[str, int]) -> str:
    """The field a camelCase name means; given in both spellings, it stays and is refused as unknown."""
    snake = to_snake(name)
    return snake if snake in model.model_fields and spellings[snake] == 1 else name


class PageQuery(RequestModel):
    """The part of a list that is asked for; filters are added by deriving from it."""

    limit: int = Field(50, ge=1, le=LARGEST_LIMIT)
    cursor: Annotated[str, StringConstraints(max_length=600)] | None = None

    def after(self, *kinds: type) -> tuple[Any, ...] | None:
        """The sort key after which the page begins; None on the first page.

        Raises ValidationFailed when the cursor is none of this list's."""
        return None if self.cursor is None else read_cursor(self.cursor, kinds)
