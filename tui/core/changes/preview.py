"""A change looked at before it is made: tables, lookup and paths after it, its commands, and how it is undone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tui.core import explain
from tui.core.addresses import Address, Prefix
from tui.core.changes import Change, Several, apply, classic, command, differences, place
from tui.core.changes.differences import TableChange
from tui.core.changes.gateways import probe
from tui.core.changes.inverse import inverse
from tui.core.commands.refused import ChangeRefused
from tui.core.lookup import lookup
from tui.core.naming import called
from tui.core.path import path
from tui.core.path.hops import Outcome, Path, Trip
from tui.core.path.links_between import STOPPED, Links
from tui.core.query import Query, QueryError
from tui.core.steps import Lookup
from tui.core.world import Node, World


@dataclass(frozen=True, slots=True)
class Command:
    """A command as it is run, in the node of that name (None: where the engine is).

    `classic` are the words that say the same in the form of route(8), None where there are none.
    """

    node: str | None
    words: tuple[str, ...]
    classic: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What the lookup of `address` on a node says before and after, as a value and as a sentence or two.

    `after` is None, and `then` empty, where the change is refused.
    """

    node: str
    address: Address
    before: Lookup
    now: str
    after: Lookup | None = None
    then: str = ""


@dataclass(frozen=True, slots=True)
class Paths:
    """The path between two ends before and after; None where one of the ends is not known in that World."""

    src: str
    dst: str
    before: Path | None
    after: Path | None


@dataclass(frozen=True, slots=True)
class Preview:
    """Everything that a change would do. `after` is None where it would be refused: `refused` says why in one sentence.

    `words` is then what the kernel or the engine would print. `commands` are in order, as far as they would run, the
    refused one included. `undo` takes all of it back; where nothing can, it is empty and `no_undo` says why.
    `others` are sentences on what changes beside routes.
    """

    change: Change
    after: World | None
    commands: tuple[Command, ...]
    refused: str = ""
    words: str = ""
    undo: tuple[Command, ...] = ()
    no_undo: str = ""
    tables: tuple[TableChange, ...] = ()
    others: tuple[str, ...] = ()
    look: Look | None = None
    paths: tuple[Paths, ...] = ()


def preview(
    change: Change,
    world: World,
    *,
    look: Address | None = None,
    at: str | None = None,
    paths: Sequence[tuple[str | Address, str | Address]] = (),
) -> Preview:
    """What the change would do in this World, with nothing done.

    `look` is looked up on the node `at`, else on the first node in which the change runs a command. `paths` are pairs
    of ends, as `path` takes them. Never raises for a change that would be refused: that is the answer.
    """
    commands, refusal = _commands(change, world)
    after = None if refusal is not None else apply(change, world)
    node = at if at is not None else next((each.node for each in commands if each.node is not None), None)
    looked = _look(world, after, node, look) if look is not None and node is not None else None
    ways = tuple(_paths(world, after, paths)) if paths else ()
    if after is None:
        assert refusal is not None
        return Preview(change, None, commands, str(refusal), refusal.words, look=looked, paths=ways)
    undo, why = _undo(change, world, after)
    tables, others = differences.tables(world, after), differences.others(world, after)
    return Preview(change, after, commands, "", "", undo, why, tables, others, looked, ways)


# --- commands ---


def _commands(change: Change, world: World) -> tuple[tuple[Command, ...], ChangeRefused | None]:
    """The commands up to the first that would be refused, and its refusal."""
    found: list[Command] = []
    for each in steps(change):
        found += [Command(place(each), words, classic(each)) for words in command(each, world)]
        try:
            world = apply(each, world)
        except ChangeRefused as refused:
            return tuple(found), refused
    return tuple(found), None


def steps(change: Change) -> Iterator[Change]:
    """The changes that it consists of, in order, none of them Several."""
    if not isinstance(change, Several):
        yield change
        return
    for each in change.changes:
        yield from steps(each)


def _undo(change: Change, world: World, after: World) -> tuple[tuple[Command, ...], str]:
    try:
        return _commands(inverse(change, world), after)[0], ""
    except ChangeRefused as refused:
        return (), str(refused)


# --- lookups and paths ---


def _look(world: World, after: World | None, name: str, address: Address) -> Look | None:
    node = _owner(world, name)
    if node is None:
        return None
    found = lookup(node, Query(address))
    look = Look(name, address, found, explain.decision(found, node, world))
    then = _owner(after, name) if after is not None else None
    if then is None:
        return look
    found_then = lookup(then, Query(address))
    return Look(name, address, found, look.now, found_then, explain.decision(found_then, then, after))


def _owner(world: World, name: str) -> Node | None:
    """The node whose tables decide: its own, or those of the node whose network it uses."""
    node = world.node(name)
    return world.node(node.shares) if node is not None and node.shares is not None else node


def _paths(world: World, after: World | None, ends: Sequence[tuple[str | Address, str | Address]]) -> Iterator[Paths]:
    links = Links(world)
    then = Links(after, links.ready(after)) if after is not None else None
    for src, dst in ends:
        yield Paths(str(src), str(dst), _path(links, src, dst), _path(then, src, dst) if then is not None else None)


def _path(links: Links, src: str | Address, dst: str | Address) -> Path | None:
    try:
        return path(links, src, dst)
    except QueryError:
        return None


def stand_in(world: World, node: str, dst: Prefix | Address) -> Address:
    """The address that stands for a destination in a preview: somebody who runs there, an end rather than a router.

    Where nobody there is known it is the one that `gateways` asks about.
    """
    if isinstance(dst, Address):
        return dst
    held = [
        (each.kind == "host", len(_networks(each)), place, address.address)
        for place, each in enumerate(world.nodes)
        if each.name != node and each.shares is None and each.state not in STOPPED and dst.length
        for _, address in each.addresses()
        if dst.covers(address.address) and not (address.address.is_loopback or address.address.is_link_local)
    ]
    return min(held)[-1] if held else probe(dst)


def _networks(node: Node) -> set[str]:
    return {each.network for each in node.interfaces if each.network is not None}


# --- verdicts in a few words ---


def brief(found: Path, world: World | None = None) -> str:
    """Both ways in a few words: "arrives; the reply has no way back" (the reasons are in the path)."""
    if found.works:
        return "arrives, and the reply comes back"
    good = sum(each.works is True for each in found.branches)
    bad = next(each for each in found.branches if not each.works)
    told = _brief(bad, world)
    return f"{good} of {len(found.branches)} ways work; else it {told}" if good else told


def _brief(trip: Trip, world: World | None) -> str:
    forward, back = trip.forward, trip.back
    if back is None:
        if forward.outcome is Outcome.LEAVES:
            return "leaves the known world"
        if forward.outcome is Outcome.UNKNOWN:
            return "is not known to arrive"
        return "is not sent" if forward.refused_at_home else f"gets lost at {_called(forward.node, world)}"
    if back.outcome in (Outcome.UNKNOWN, Outcome.LEAVES):
        return "arrives; whether the reply comes back is not known"
    if back.outcome is Outcome.DELIVERED:
        return f"arrives; the reply goes to {_called(back.node, world)} instead"
    if back.outcome is Outcome.FILTERED and not back.hops:
        return "arrives, and is not answered"
    return "arrives; the reply has no way back"


def _called(name: str, world: World | None) -> str:
    node = world.node(name) if world is not None else None
    return called(node) if node is not None else name


__all__ = ["Command", "Look", "Paths", "Preview", "brief", "preview", "stand_in", "steps"]
