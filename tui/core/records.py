"""JSON values read into the records of tui.core.world by their annotations; what does not fit is told its place."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable
from dataclasses import MISSING, fields
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from tui.core.addresses import WIDTH, Address, AddressError, Prefix, parse_address, parse_prefix
from tui.core.firewall.values import Signed
from tui.core.text import clean
from tui.core.world import TOPICS, InterfaceAddress, Node, Route, Rule

Reader = Callable[[Any], Any]
T = TypeVar("T")


class Misfit(Exception):
    """A value that does not fit. Each level that it passes adds its step to `place`, innermost first."""

    def __init__(self, reason: str, *place: str) -> None:
        super().__init__(reason)
        self.place = list(place)

    def sentence(self) -> str:
        """The place as a path, then what is wrong there."""
        return f"{''.join(reversed(self.place)).lstrip('.') or 'the top level'}: {self}"


def check_names(place: str, names: Iterable[str]) -> None:
    """Raise Misfit at the second use of a name; `place` is the key of the list that they stand in."""
    seen: dict[str, int] = {}
    for position, name in enumerate(names):
        if name in seen:
            raise Misfit(f"the name {name!r} is taken by {place}[{seen[name]}].", ".name", f"[{position}]", place)
        seen[name] = position


@cache
def record(cls: type[T]) -> Reader:
    """The reader of a dataclass from a JSON object: it makes one or raises Misfit. Made once a class."""
    hints = get_type_hints(cls)
    readers = {field.name: _reader(hints[field.name]) for field in fields(cls)}  # type: ignore[arg-type]
    needed = [field.name for field in fields(cls) if field.default is MISSING]  # type: ignore[arg-type]
    check = _CHECKS.get(cls)

    def read(value: Any) -> T:
        if not isinstance(value, dict):
            raise Misfit(f"expected an object, not {kind_of(value)}.")
        found = {}
        for key, each in value.items():
            reader = readers.get(key)
            if reader is None:
                raise Misfit(f"the key is unknown; known are {', '.join(readers)}.", f".{clean(key)}")
            try:
                found[key] = reader(each)
            except Misfit as misfit:
                misfit.place.append(f".{key}")
                raise
        for name in needed:
            if name not in found:
                raise Misfit(f"the key {name!r} is missing.")
        made = cls(**found)
        if check:
            check(made)
        return made

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
        Signed: _integer,
        bool: _boolean,
        Address: _address,
        Prefix: _prefix,
    }
    return simple[hint] if hint in simple else record(hint)


def _list(inner: Reader) -> Reader:
    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise Misfit(f"expected a list, not {kind_of(value)}.")
        found = []
        for position, each in enumerate(value):
            try:
                found.append(inner(each))
            except Misfit as misfit:
                misfit.place.append(f"[{position}]")
                raise
        return tuple(found)

    return read


def _object(inner: Reader) -> Reader:
    def read(value: Any) -> tuple[tuple[str, Any], ...]:
        if not isinstance(value, dict):
            raise Misfit(f"expected an object of names and values, not {kind_of(value)}.")
        found = {}
        for key, each in value.items():
            try:
                found[clean(key)] = inner(each)
            except Misfit as misfit:
                misfit.place.append(f".{clean(key)}")
                raise
        return tuple(sorted(found.items()))

    return read


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise Misfit(f"expected text, not {kind_of(value)}.")
    return clean(value)


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -(1 << 63) <= value < 1 << 64:
        raise Misfit(f"expected a whole number, not {kind_of(value)}.")
    return value


def _natural(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 32:
        raise Misfit(f"expected a whole number from 0 to 4294967295, not {kind_of(value)}.")
    return value


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Misfit(f"expected true or false, not {kind_of(value)}.")
    return value


def _address(value: Any) -> Address:
    try:
        return parse_address(value if isinstance(value, str) else "")
    except AddressError:
        raise Misfit(f"expected an address such as 172.20.0.2 or fd00::2, not {kind_of(value)}.") from None


def _prefix(value: Any) -> Prefix:
    try:
        return parse_prefix(value if isinstance(value, str) and value not in ("default", "all", "any") else "")
    except AddressError:
        raise Misfit(f"expected a prefix such as 172.19.0.0/16 or fd00::/64, not {kind_of(value)}.") from None


def _range(value: Any) -> tuple[int, int]:
    if not isinstance(value, list) or len(value) != 2:
        raise Misfit(f"expected a list of two numbers, not {kind_of(value)}.")
    low, high = _natural(value[0]), _natural(value[1])
    if low > high:
        raise Misfit(f"the range {low} to {high} runs backwards.")
    return low, high


def kind_of(value: Any) -> str:
    """A short name of a JSON value for a sentence; texts and numbers themselves, cut where they are long."""
    names = {dict: "an object", list: "a list", bool: str(value).lower(), type(None): "null"}
    if type(value) in names:
        return names[type(value)]
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 40 else text[:39] + "…"


# Checks beyond the type of each field


def _check_route(route: Route) -> None:
    if route.src is not None and route.src.version != route.family:
        raise Misfit("must be of the same family as dst.", ".src")


def _check_rule(rule: Rule) -> None:
    if rule.family not in WIDTH:
        raise Misfit(f"expected 4 or 6, not {rule.family}.", ".family")
    for name, prefix in (("src", rule.src), ("dst", rule.dst)):
        if prefix is not None and prefix.version != rule.family:
            raise Misfit(f"must be of family {rule.family}, as the rule is.", f".{name}")


def _check_interface_address(address: InterfaceAddress) -> None:
    width = WIDTH[address.address.version]
    if address.length > width:
        raise Misfit(f"expected 0 to {width}, not {address.length}.", ".length")


def _check_node(node: Node) -> None:
    if not node.name:
        raise Misfit("a node needs a name.", ".name")
    for position, topic in enumerate(node.missing):
        if topic not in TOPICS:
            raise Misfit(f"expected one of {', '.join(TOPICS)}, not {topic!r}.", f"[{position}]", ".missing")
    try:
        check_names("interfaces", [each.name for each in node.interfaces if each.name])
    except Misfit as misfit:
        misfit.place[-1] = ".interfaces"
        raise


_CHECKS: dict[type, Callable[[Any], None]] = {
    Route: _check_route,
    Rule: _check_rule,
    InterfaceAddress: _check_interface_address,
    Node: _check_node,
}
