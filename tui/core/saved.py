"""A World as JSON and back: what was saved is read back equal, what does not fit is refused with its place."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from tui.core.addresses import Address, Prefix
from tui.core.firewall.values import Act, Chain, FilterRule, FilterSet, Match, Ruleset, Table
from tui.core.records import Misfit, check_names, kind_of, record
from tui.core.world import (
    Interface,
    InterfaceAddress,
    Network,
    NextHop,
    Node,
    Route,
    Rule,
    Subnet,
    World,
)

FORMAT = 1
"""The version of the format, under the key `routetui`. A reader refuses every newer one."""


class SavedError(ValueError):
    """A file that is no saved World; str() is one sentence that names the place, such as nodes[2].routes[0].dst."""


def dump(world: World) -> dict[str, Any]:
    """The World as JSON values, defaults omitted: addresses and prefixes as text, sysctls and options as objects."""
    return {"routetui": FORMAT, **_written(world)}


def dumps(world: World) -> str:
    """The World as the text of a saved file, a line for each route, rule and interface, ending in a newline."""
    return _pretty(dump(world), 0) + "\n"


def load(data: object) -> World:
    """The World that JSON values describe, every string made safe for a terminal. Raises SavedError.

    Refused are a newer format, unknown keys, values of a wrong type or out of range, and names that occur twice.
    """
    if not isinstance(data, dict):
        raise SavedError(f"A saved world is a JSON object, not {kind_of(data)}.")
    version = data.get("routetui")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise SavedError('This is no saved world: the key "routetui" with the version of the format is missing.')
    if version > FORMAT:
        raise SavedError(
            f"The file was saved by a newer routetui (format {version}, this one reads {FORMAT}): update routetui."
        )
    try:
        world: World = record(World)({key: value for key, value in data.items() if key != "routetui"})
        check_names("networks", [each.name for each in world.networks])
        check_names("nodes", [each.name for each in world.nodes])
    except Misfit as misfit:
        raise SavedError(misfit.sentence()) from None
    return world


def loads(text: str) -> World:
    """The World in the text of a saved file. Raises SavedError, also for text that is no JSON."""
    try:
        data = json.loads(text, object_pairs_hook=_pairs, parse_constant=_constant)
    except json.JSONDecodeError as error:
        raise SavedError(f"The JSON is broken at line {error.lineno}, column {error.colno}: {error.msg}.") from None
    except RecursionError:
        raise SavedError("The JSON is nested too deeply to be a saved world.") from None
    except Misfit as misfit:
        raise SavedError(f"The JSON is not sound: {misfit}.") from None
    except ValueError:
        raise SavedError("The JSON holds a number that is far too long.") from None
    return load(data)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Misfit(f"the key {twice!r} occurs twice in one object")
    return found


def _constant(name: str) -> None:
    raise Misfit(f"{name} is no JSON number")


# Writing

_ONE_LINE = 4
"""The depth from which on a value stands on one line: a node's routes, rules and interfaces take a line each."""


def _pretty(value: Any, depth: int) -> str:
    if depth >= _ONE_LINE or not isinstance(value, (dict, list)) or not value:
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        parts = [f"{json.dumps(key, ensure_ascii=False)}: {_pretty(each, depth + 1)}" for key, each in value.items()]
    else:
        parts = [_pretty(each, depth + 1) for each in value]
    start, end = "{}" if isinstance(value, dict) else "[]"
    pad = " " * (depth + 1)
    return f"{start}\n{pad}{f',{chr(10)}{pad}'.join(parts)}\n{pad[1:]}{end}"


def _written(value: Any) -> Any:
    kind = type(value)
    if kind is Address or kind is Prefix:
        return str(value)
    if kind is tuple:
        return [_written(each) for each in value]
    if kind in _FIELDS:
        return {
            name: dict(found) if name in _PAIRS else _written(found)
            for name, default in _FIELDS[kind]
            if (found := getattr(value, name)) != default
        }
    return value


_FILTERS = (Ruleset, Table, Chain, FilterRule, FilterSet, Match, Act)
_RECORDS: tuple[type[Any], ...] = (
    *(World, Network, Subnet, Node, Interface, InterfaceAddress, Route, NextHop, Rule),
    *_FILTERS,
)
_FIELDS = {cls: tuple((field.name, field.default) for field in fields(cls) if field.compare) for cls in _RECORDS}
"""The fields of each record with their defaults, which are not written; nor are counters, which change all the time."""

_PAIRS = ("sysctls", "options")
"""The fields that hold (name, value) pairs and are written as objects."""
