"""Messages of the cores as JSON and back: strict, so that a core never meets a value of the wrong shape.

Only declared fields travel; an unknown, missing or wrongly typed one makes the whole message malformed."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from types import UnionType
from typing import TypeVar, Union, cast, get_args, get_origin, get_type_hints

from app.algorithms.change_log import ReplicaDelta
from app.algorithms.election_messages import ElectionMessage
from app.algorithms.failure_detector import DetectorMessage
from app.algorithms.gossip import Answer, Offer, Probe
from app.algorithms.logical_clocks import VersionVector
from app.algorithms.registers import BoardDelta, Write

JSON = None | bool | int | float | str | list["JSON"] | dict[str, "JSON"]
Bound = Mapping[object, object]  # what the type variables of a generic message stand for
ReplicaGossip = Offer | Answer[ReplicaDelta] | Probe
BoardGossip = Offer | Answer[BoardDelta] | Probe | Write


class MalformedMessageError(ValueError):
    """What arrived is not a message this node knows."""


def pack(message: object) -> dict[str, JSON]:
    """Any message of any core, tagged with its kind."""
    return {"kind": type(message).__name__, **_pack_fields(message)}


def election_message(data: JSON) -> ElectionMessage:
    return cast(ElectionMessage, _unpack_tagged(ElectionMessage, data))


def detector_message(data: JSON) -> DetectorMessage:
    return cast(DetectorMessage, _unpack_tagged(DetectorMessage, data))


def replica_gossip(data: JSON) -> ReplicaGossip:
    return cast(ReplicaGossip, _unpack_tagged(ReplicaGossip, data))


def board_gossip(data: JSON) -> BoardGossip:
    """Gossip between status boards, or one write pushed at once."""
    return cast(BoardGossip, _unpack_tagged(BoardGossip, data))


def _pack(value: object) -> JSON:
    match value:
        case Enum():
            return _pack(value.value)
        case None | bool() | int() | float() | str():
            return value
        case Mapping():
            return {str(key): _pack(item) for key, item in value.items()}
        case tuple():
            return [_pack(item) for item in value]
        case frozenset():
            return sorted((_pack(item) for item in value), key=str)
        case _:
            return {**_pack_fields(value)}


def _pack_fields(value: object) -> dict[str, JSON]:
    if not is_dataclass(value):
        raise TypeError(f"{type(value).__name__} is no message")
    return {field.name: _pack(getattr(value, field.name)) for field in fields(value)}


def _unpack_tagged(kinds: object, data: JSON) -> object:
    by_name = {_class_of(kind).__name__: kind for kind in get_args(kinds)}
    name = data.get("kind") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(name, str) or name not in by_name:
        raise MalformedMessageError("no known kind of message")
    return _unpack(by_name[name], {field: value for field, value in data.items() if field != "kind"}, {})


def _class_of(kind: object) -> type:
    return cast(type, get_origin(kind) or kind)


def _unpack(kind: object, data: JSON, bound: Bound) -> object:
    if isinstance(kind, TypeVar):
        return _unpack(bound[kind], data, bound)
    if get_origin(kind) in (Union, UnionType):
        return _unpack_first(get_args(kind), data, bound)
    wanted = _class_of(kind)
    if is_dataclass(wanted):
        variables = getattr(wanted, "__parameters__", ())
        return _unpack_dataclass(wanted, data, dict(zip(variables, get_args(kind), strict=True)))
    if isinstance(data, dict):
        return _unpack_mapping(kind, wanted, data, bound)
    if isinstance(data, list):
        return _unpack_list(kind, wanted, data, bound)
    return _unpack_scalar(wanted, data)


def _unpack_first(kinds: tuple[object, ...], data: JSON, bound: Bound) -> object:
    for kind in kinds:
        try:
            return _unpack(kind, data, bound)
        except MalformedMessageError:
            continue
    raise MalformedMessageError(f"{data!r} fits none of {kinds}")


def _unpack_dataclass(wanted: type, data: JSON, bound: Bound) -> object:
    hints = _hints_of(wanted)
    if not isinstance(data, dict) or data.keys() != hints.keys():
        raise MalformedMessageError(f"a {wanted.__name__} has the fields {', '.join(hints)}")
    return wanted(**{name: _unpack(hint, data[name], bound) for name, hint in hints.items()})


@cache  # a delta holds thousands of the same kind
def _hints_of(wanted: type) -> dict[str, object]:
    return dict(get_type_hints(wanted))


def _unpack_mapping(kind: object, wanted: type, data: dict[str, JSON], bound: Bound) -> object:
    if wanted is VersionVector:
        counters = {origin: _unpack(int, counter, bound) for origin, counter in data.items()}
        if any(cast(int, counter) < 0 for counter in counters.values()):
            raise MalformedMessageError("a version vector counts from zero")
        return VersionVector(cast(dict[str, int], counters))
    if wanted is not Mapping:
        raise MalformedMessageError(f"{data!r} is no {wanted.__name__}")
    key_kind, value_kind = get_args(kind)
    if key_kind is int and not all(key.isdecimal() for key in data):
        raise MalformedMessageError("the keys must be numbers")
    return {key_kind(key): _unpack(value_kind, value, bound) for key, value in data.items()}


def _unpack_list(kind: object, wanted: type, data: list[JSON], bound: Bound) -> object:
    if hasattr(wanted, "_fields"):  # a NamedTuple
        hints = list(get_type_hints(wanted).values())
        if len(data) != len(hints):
            raise MalformedMessageError(f"a {wanted.__name__} has {len(hints)} parts")
        return wanted(*(_unpack(hint, item, bound) for hint, item in zip(hints, data, strict=True)))
    if wanted not in (tuple, frozenset):
        raise MalformedMessageError(f"a list is no {wanted.__name__}")
    return wanted(_unpack(get_args(kind)[0], item, bound) for item in data)


def _unpack_scalar(wanted: type, data: JSON) -> object:
    if issubclass(wanted, Enum):
        known = {member.value: member for member in wanted}
        if data in known:
            return known[data]
    elif wanted is float and type(data) is int:
        return float(data)
    elif type(data) is wanted:  # and so no bool where an int is meant
        return data
    raise MalformedMessageError(f"{data!r} is no {wanted.__name__}")
