"""What differs between two Worlds, as rows that can be shown: routes added, removed and changed, switches, links."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import chain
from typing import Literal

from tui.core.commands.inserting import key
from tui.core.world import Node, Route, World

Sign = Literal["=", "+", "-", "~"]


@dataclass(frozen=True, slots=True)
class Row:
    """A route of a table: kept (=), added (+), removed (-), or changed (~), which `was` another before.

    Changed is a route whose prefix, tos, metric and source are as before: `ip route replace` makes one.
    """

    sign: Sign
    route: Route
    was: Route | None = None


@dataclass(frozen=True, slots=True)
class TableChange:
    """One table of one node before and after, as one list in the order of after, removed routes at their old place."""

    node: str
    family: int
    table: str
    rows: tuple[Row, ...]

    @property
    def changed(self) -> tuple[Row, ...]:
        """The rows that are not as before."""
        return tuple(each for each in self.rows if each.sign != "=")


def tables(before: World, after: World) -> tuple[TableChange, ...]:
    """Every table that differs, in the order of the nodes; of nodes that are in both Worlds."""
    was = {each.name: each for each in before.nodes}
    pairs = ((was[each.name], each) for each in after.nodes if each.name in was)
    return tuple(chain.from_iterable(_tables(old, new) for old, new in pairs if old.routes != new.routes))


def _tables(old: Node, new: Node) -> Iterator[TableChange]:
    then, now = _by_table(old), _by_table(new)
    for name in dict.fromkeys((*now, *then)):
        first, second = then.get(name, []), now.get(name, [])
        if first != second:
            yield TableChange(new.name, name[0], name[1], tuple(rows(first, second)))


def _by_table(node: Node) -> dict[tuple[int, str], list[Route]]:
    found: dict[tuple[int, str], list[Route]] = {}
    for each in node.routes:
        found.setdefault((each.family, each.table), []).append(each)
    return found


def rows(before: Sequence[Route], after: Sequence[Route]) -> Iterator[Row]:
    """Two listings of one table as one."""
    found = list(_lines(before, after))
    gone = {key(each.route): each for each in found if each.sign == "-"}
    taken = set()
    for number, each in enumerate(found):
        if each.sign == "+" and (old := gone.pop(key(each.route), None)) is not None:
            found[number] = Row("~", each.route, old.route)
            taken.add(id(old))
    return (each for each in found if id(each) not in taken)


def _lines(before: Sequence[Route], after: Sequence[Route]) -> Iterator[Row]:
    """What both share at their ends needs no search; it is nearly everything."""
    shared = min(len(before), len(after))
    start = next((n for n in range(shared) if before[n] != after[n]), shared)
    end = next((n for n in range(shared - start) if before[-1 - n] != after[-1 - n]), shared - start)
    old, new = before[start : len(before) - end], after[start : len(after) - end]
    yield from (Row("=", each) for each in after[:start])
    for what, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            yield from (Row("=", each) for each in new[c:d])
        else:
            yield from (Row("-", each) for each in old[a:b])
            yield from (Row("+", each) for each in new[c:d])
    yield from (Row("=", each) for each in after[len(after) - end :])


def others(before: World, after: World) -> tuple[str, ...]:
    """What differs beside routes, a sentence each without a full stop: switches, links, nodes, networks."""
    was, now = {each.name: each for each in before.nodes}, {each.name: each for each in after.nodes}
    nets = {each.name for each in before.networks}, {each.name for each in after.networks}
    told = [f"network {each} is new" for each in sorted(nets[1] - nets[0])]
    told += [f"network {each} is gone" for each in sorted(nets[0] - nets[1])]
    told += [f"{each} is new" for each in now if each not in was]
    told += [f"{each} is gone" for each in was if each not in now]
    for name, node in now.items():
        if name in was and node is not was[name]:
            told += _links(was[name], node)
            told += _switches(was[name], node)
    return tuple(told)


def _links(old: Node, new: Node) -> Iterator[str]:
    had, has = {each.name: each for each in old.interfaces}, {each.name: each for each in new.interfaces}
    for name, link in has.items():
        if name not in had:
            addresses = " ".join(f"{each.address}/{each.length}" for each in link.addresses)
            yield f"{new.name} gets {name}{f' on {link.network}' if link.network else ''} {addresses}".rstrip()
        elif link.up != had[name].up:
            yield f"{name} of {new.name} is {'up' if link.up else 'down'}"
    for name, link in had.items():
        if name not in has:
            yield f"{new.name} loses {name}{f' on {link.network}' if link.network else ''}"


def _switches(old: Node, new: Node) -> Iterator[str]:
    """Switches that are set otherwise; those of a device that is new come with it and are no news."""
    if old.sysctls == new.sysctls:
        return
    was, known = dict(old.sysctls), {each.name for each in old.interfaces}
    fresh = tuple(f".conf.{each.name.replace('.', '/')}." for each in new.interfaces if each.name not in known)
    for name, value in new.sysctls:
        if was.get(name) != value and not any(each in name for each in fresh):
            yield f"{name} of {new.name} is {value}{f', was {was[name]}' if name in was else ''}"
