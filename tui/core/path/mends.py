"""What would mend a path: the smallest sets of changes, each tried on the World, the least intrusive first."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from tui.core.changes import AddRoute, Change, DeleteRoute, ReplaceRoute, SetSysctl, Several, apply, placed
from tui.core.changes.plan import connect
from tui.core.changes.sentence import sentence
from tui.core.commands.refused import ChangeRefused
from tui.core.path import path as follow
from tui.core.path.hops import Path
from tui.core.path.links_between import Links
from tui.core.path.remedies import Remedy, remedies
from tui.core.query import QueryError
from tui.core.world import World

MOST_CHANGES = 6
"""No set of more changes is looked for: a path that needs more was never set up."""

_BESIDE = 35
"""So much more than the best may another mend cost that is still offered."""

Placed = tuple[tuple[str | None, tuple[str, ...]], ...]
"""Commands in order, each with the node that it runs in; None: where the engine is."""


@dataclass(frozen=True, slots=True)
class Mend:
    """Changes with which the request arrives and the reply comes back: they were made on a World, and it did.

    `change` is one, or Several in the order in which they are made. `sentence` says what they do, `commands` how, and
    `tradeoff` what else comes of them ("" where nothing does). `cost` grows with their number and with what they touch.
    """

    change: Change
    sentence: str
    commands: Placed
    tradeoff: str = ""
    cost: int = 0


@dataclass(frozen=True, slots=True)
class _Tried:
    """A World on which some remedies were tried, and the path there."""

    remedies: tuple[Remedy, ...]
    links: Links
    path: Path

    @property
    def cost(self) -> int:
        return sum(each.cost for each in self.remedies)


def mends(world: World | Links, path: Path, *, most: int = 4, patience: int = 150) -> tuple[Mend, ...]:
    """What mends a path that fails or that nobody can be sure of, at most `most`; none where none was found.

    `path` is from tui.core.path.path on this World. The search goes by cost, over what each failure suggests, and
    tries at most `patience` sets: the first found is the least intrusive of those that the failures lead to.
    """
    links = world if isinstance(world, Links) else Links(world)
    if path.works or path.trouble is None or not links.answered_by_anyone(path.address):
        return ()
    found: list[_Tried] = []
    for tried in _search(links, path, patience):
        if not any(_holds(tried, each) for each in found):
            found.append(tried)
        if len(found) >= most:
            break
    return tuple(_told(links.world, each) for each in found)


def _holds(larger: _Tried, smaller: _Tried) -> bool:
    """Whether a set of changes only adds to one that does by itself, or does the same with other prefixes."""
    return {_effect(each.change) for each in smaller.remedies} <= {_effect(each.change) for each in larger.remedies}


def _effect(change: Change) -> object:
    """What a change is for: the next hop that a node is given, whichever prefix it is given for."""
    match change:
        case AddRoute(node, route) | ReplaceRoute(node, route):
            return node, frozenset((each.dev, each.gateway) for each in route.nexthops)
    return change


def _search(links: Links, path: Path, patience: int) -> Iterator[_Tried]:
    """Sets of changes that work, by cost (Dijkstra's search; a set is followed on where its path still fails)."""
    order = count()
    heap: list[tuple[int, int, _Tried]] = []
    shapes: set[object] = set()
    limit = 200  # once something is found, what intrudes much more is not looked for
    seen: set[frozenset[Change]] = {frozenset()}

    def push(each: _Tried) -> None:
        heapq.heappush(heap, (each.cost, next(order), each))

    push(_Tried((), links, path))
    for each in _planned(links, path):
        push(each)
    while heap:
        _, _, now = heapq.heappop(heap)
        if now.cost > limit:
            return
        if (shape := _shape(now.path)) in shapes:
            continue  # with other changes, but for no less, the packet goes the very same way
        shapes.add(shape)
        if now.remedies and now.path.works:
            limit = min(limit, now.cost + _BESIDE)
            yield now
            continue
        if len(now.remedies) >= MOST_CHANGES or patience <= 0:
            continue  # what was tried already and works is still told
        for remedy in remedies(now.links, now.path):
            key = frozenset(each.change for each in (*now.remedies, remedy))
            if key in seen or now.cost + remedy.cost > limit or _undoes(remedy.change, now.remedies):
                continue
            seen.add(key)
            patience -= 1
            after = _try(now, remedy)
            if after is not None and (after.path.works or _further(now.path, after.path)):
                push(after)
            if patience <= 0:
                break


def _shape(path: Path) -> object:
    """The ways of a path and their ends, without what decided them."""
    return tuple(
        (way.outcome, way.node, tuple((hop.node, hop.iif, hop.oif, hop.next_hop) for hop in way.hops))
        for trip in path.branches
        for way in (trip.forward, trip.back)
        if way is not None
    )


def _undoes(change: Change, remedies: tuple[Remedy, ...]) -> bool:
    """Whether it would change again what was just changed: then the set without the first is found by itself."""
    return any(_subject(change) == _subject(each.change) for each in remedies)


def _subject(change: Change) -> object:
    """What a change is about: two of the same would undo one another."""
    match change:
        case AddRoute(node, route) | ReplaceRoute(node, route) | DeleteRoute(node, route):
            return node, route.dst, route.table
        case SetSysctl(node, name):
            return node, name
    return change


def _try(now: _Tried, remedy: Remedy) -> _Tried | None:
    try:
        world = apply(remedy.change, now.links.world)
        links = _prepared(world, now.links)
        return _Tried((*now.remedies, remedy), links, follow(links, now.path.src, now.path.dst))
    except (ChangeRefused, QueryError):
        return None


def _prepared(world: World, before: Links) -> Links:
    """The links of a World that is another in few nodes: the tables of all others are ready."""
    return Links(world, before.ready(world))


def _further(before: Path, after: Path) -> bool:
    """Whether a change brought the packet past its trouble, or to another one: else it did nothing for it."""
    old, new = before.trouble, after.trouble
    if old is None or new is None:
        return True
    return (old.outcome, old.node, old.dst, len(old.hops)) != (new.outcome, new.node, new.dst, len(new.hops)) or (
        [each.next_hop for each in old.hops] != [each.next_hop for each in new.hops]
    )


def _planned(links: Links, path: Path) -> Iterator[_Tried]:
    """The plan that lets the two ends talk over the shortest chain of routers, where it is for this address."""
    there = links.holder(path.address)
    here = path.forward.hops[0].node if path.forward.hops else None
    if there is None or here is None or there.name == here:
        return
    try:
        plan = connect(links.world, here, there.name)
        world = plan.after(links.world) if plan.works and plan.target == path.address else None
        if world is None:
            return
        after = _prepared(world, links)
        costs = {"AddRoute": 12, "ReplaceRoute": 14, "SetSysctl": 14}
        tried = tuple(Remedy(item.change, costs.get(type(item.change).__name__, 20)) for item in plan.items)
        yield _Tried(tried, after, follow(after, path.src, path.dst))
    except (ChangeRefused, QueryError):
        return


def _told(world: World, tried: _Tried) -> Mend:
    changes = tuple(each.change for each in tried.remedies)
    change = changes[0] if len(changes) == 1 else Several(changes)
    told = " ".join(sentence(each) for each in changes)
    beside = " ".join(dict.fromkeys(each.tradeoff for each in tried.remedies if each.tradeoff))
    return Mend(change, told, placed(change, world), beside, tried.cost)


def command_lines(commands: Placed) -> tuple[str, ...]:
    """The commands as a person types them: `NODE: ip route add ...`, those of the engine without a node."""
    return tuple(f"{node}: {' '.join(argv)}" if node is not None else " ".join(argv) for node, argv in commands)
