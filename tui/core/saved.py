"""A World as JSON and back: what was saved is read back equal, what does not fit is refused with its place."""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Iterable
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from tui.core.addresses import WIDTH, Address, AddressError, Prefix, parse_address, parse_prefix
from tui.core.text import clean
from tui.core.world import TOPICS, InterfaceAddress, Node, Route, Rule, World

FORMAT = 1
"""The version of the format, under the key `routetui`. A reader refuses every newer one."""

Reader = Callable[[Any], Any]
T = TypeVar("T")


class SavedError(ValueError):
    """A file that is no saved World; str() is one sentence that names the place, such as nodes[2].routes[0].dst."""


class _Misfit(Exception):
    """A value that does not fit. Each level that it passes adds its step to `place`, innermost first."""

    def __init__(self, reason: str, *place: str) -> None:
        super().__init__(reason)
        self.place = list(place)

    def sentence(self) -> str:
        """The place as a path, then what is wrong there."""
        return f"{''.join(reversed(self.place)).lstrip('.') or 'the top level'}: {self}"


def dump(world: World) -> dict[str, Any]:
    """The World as JSON values, defaults omitted: addresses and prefixes as text, sysctls and options as objects."""
    return {"routetui": FORMAT, **_written(world)}


def dumps(world: World) -> str:
    """The World as the text of a saved file, indented, ending in a newline."""
    return json.dumps(dump(world), indent=1, ensure_ascii=False) + "\n"


def load(data: object) -> World:
    """The World that JSON values describe, every string made safe for a terminal. Raises SavedError.

    Refused are a newer format, unknown keys, values of a wrong type or out of range, and names that occur twice.
    """
    if not isinstance(data, dict):
        raise SavedError(f"A saved world is a JSON object, not {_kind(data)}.")
    version = data.get("routetui")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise SavedError('This is no saved world: the key "routetui" with the version of the format is missing.')
    if version > FORMAT:
        raise SavedError(
            f"The file was saved by a newer routetui (format {version}, this one reads {FORMAT}): update routetui."
        )
    try:
        world: World = _record(World)({key: value for key, value in data.items() if key != "routetui"})
        _check_names("networks", [each.name for each in world.networks])
        _check_names("nodes", [each.name for each in world.nodes])
    except _Misfit as misfit:
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
    except _Misfit as misfit:
        raise SavedError(f"The JSON is not sound: {misfit}.") from None
    except ValueError:
        raise SavedError("The JSON holds a number that is far too long.") from None
    return load(data)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Misfit(f"the key {twice!r} occurs twice in one object")
    return found


def _constant(name: str) -> None:
    raise _Misfit(f"{name} is no JSON number")


def _check_names(place: str, names: Iterable[str]) -> None:
    seen: dict[str, int] = {}
    for position, name in enumerate(names):
        if name in seen:
            raise _Misfit(f"the name {name!r} is taken by {place}[{seen[name]}].", ".name", f"[{position}]", place)
        seen[name] = position


# Writing


def _written(value: Any) -> Any:
    if isinstance(value, (Address, Prefix)):
        return str(value)
    if is_dataclass(value):
        return {name: _written_field(name, found) for name, found, default in _values(value) if found != default}
    if isinstance(value, tuple):
        return [_written(each) for each in value]
    return value


def _written_field(name: str, value: Any) -> Any:
    return dict(value) if name in ("sysctls", "options") else _written(value)


def _values(record: Any) -> Iterable[tuple[str, Any, Any]]:
    for field in fields(record):
        yield field.name, getattr(record, field.name), field.default


# Reading: one reader a type, made once from the annotations of the dataclasses in tui.core.world


@cache
def _record(cls: type[T]) -> Reader:
    hints = get_type_hints(cls)
    readers = {field.name: _reader(hints[field.name]) for field in fields(cls)}  # type: ignore[arg-type]
    needed = [field.name for field in fields(cls) if field.default is MISSING]  # type: ignore[arg-type]
    check = _CHECKS.get(cls)

    def read(value: Any) -> T:
        if not isinstance(value, dict):
            raise _Misfit(f"expected an object, not {_kind(value)}.")
        found = {}
        for key, each in value.items():
            reader = readers.get(key)
            if reader is None:
                raise _Misfit(f"the key is unknown; known are {', '.join(readers)}.", f".{clean(key)}")
            try:
                found[key] = reader(each)
            except _Misfit as misfit:
                misfit.place.append(f".{key}")
                raise
        for name in needed:
            if name not in found:
                raise _Misfit(f"the key {name!r} is missing.")
        record = cls(**found)
        if check:
            check(record)
        return record

    return read


def _reader(hint: Any) -> Reader:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        inner = _reader(next(each for each in arguments if each is not types.NoneType))
        return lambda value: None if value is None else inner(value)
    if hint == tuple[int, int]:
        return _range
    if hint in (tuple[tuple[str, int], ...], tuple[tuple[str, str], ...]):
        return _object(_integer if int in get_args(arguments[0]) else _string)
    if origin is tuple:
        return _list(_reader(arguments[0]))
    simple: dict[Any, Reader] = {
        str: _string,
        int: _natural,
        bool: _boolean,
        Address: _address,
        Prefix: _prefix,
    }
    return simple[hint] if hint in simple else _record(hint)


def _list(inner: Reader) -> Reader:
    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise _Misfit(f"expected a list, not {_kind(value)}.")
        found = []
        for position, each in enumerate(value):
            try:
                found.append(inner(each))
            except _Misfit as misfit:
                misfit.place.append(f"[{position}]")
                raise
        return tuple(found)

    return read


def _object(inner: Reader) -> Reader:
    def read(value: Any) -> tuple[tuple[str, Any], ...]:
        if not isinstance(value, dict):
            raise _Misfit(f"expected an object of names and values, not {_kind(value)}.")
        found = {}
        for key, each in value.items():
            try:
                found[clean(key)] = inner(each)
            except _Misfit as misfit:
                misfit.place.append(f".{clean(key)}")
                raise
        return tuple(sorted(found.items()))

    return read


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise _Misfit(f"expected text, not {_kind(value)}.")
    return clean(value)


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -(1 << 63) <= value < 1 << 64:
        raise _Misfit(f"expected a whole number, not {_kind(value)}.")
    return value


def _natural(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 32:
        raise _Misfit(f"expected a whole number from 0 to 4294967295, not {_kind(value)}.")
    return value


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Misfit(f"expected true or false, not {_kind(value)}.")
    return value


def _address(value: Any) -> Address:
    try:
        return parse_address(value if isinstance(value, str) else "")
    except AddressError:
        raise _Misfit(f"expected an address such as 172.20.0.2 or fd00::2, not {_kind(value)}.") from None


def _prefix(value: Any) -> Prefix:
    try:
        return parse_prefix(value if isinstance(value, str) and value[:1] not in "da" else "")
    except AddressError:
        raise _Misfit(f"expected a prefix such as 172.19.0.0/16 or fd00::/64, not {_kind(value)}.") from None


def _range(value: Any) -> tuple[int, int]:
    if not isinstance(value, list) or len(value) != 2:
        raise _Misfit(f"expected a list of two numbers, not {_kind(value)}.")
    low, high = _natural(value[0]), _natural(value[1])
    if low > high:
        raise _Misfit(f"the range {low} to {high} runs backwards.")
    return low, high


def _kind(value: Any) -> str:
    """A short name of a JSON value for a sentence; texts and numbers themselves, cut where they are long."""
    names = {dict: "an object", list: "a list", bool: str(value).lower(), type(None): "null"}
    if type(value) in names:
        return names[type(value)]
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else text[:39] + "…"


# Checks beyond the type of each field


def _check_route(route: Route) -> None:
    if route.src is not None and route.src.version != route.family:
        raise _Misfit("must be of the same family as dst.", ".src")


def _check_rule(rule: Rule) -> None:
    if rule.family not in WIDTH:
        raise _Misfit(f"expected 4 or 6, not {rule.family}.", ".family")
    for name, prefix in (("src", rule.src), ("dst", rule.dst)):
        if prefix is not None and prefix.version != rule.family:
            raise _Misfit(f"must be of family {rule.family}, as the rule is.", f".{name}")


def _check_interface_address(address: InterfaceAddress) -> None:
    width = WIDTH[address.address.version]
    if address.length > width:
        raise _Misfit(f"expected 0 to {width}, not {address.length}.", ".length")


def _check_node(node: Node) -> None:
    if not node.name:
        raise _Misfit("a node needs a name.", ".name")
    for position, topic in enumerate(node.missing):
        if topic not in TOPICS:
            raise _Misfit(f"expected one of {', '.join(TOPICS)}, not {topic!r}.", f"[{position}]", ".missing")
    try:
        _check_names("interfaces", [each.name for each in node.interfaces])
    except _Misfit as misfit:
        misfit.place[-1] = ".interfaces"
        raise


_CHECKS: dict[type, Callable[[Any], None]] = {
    Route: _check_route,
    Rule: _check_rule,
    InterfaceAddress: _check_interface_address,
    Node: _check_node,
}
