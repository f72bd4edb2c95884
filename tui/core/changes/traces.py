"""What a change touches, and whether it still is as it was: the ground on which undo and redo stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tui.core.addresses import Prefix
from tui.core.changes import (
    AddRoute,
    Change,
    Connect,
    CreateNetwork,
    DeleteRoute,
    Disconnect,
    RemoveNetwork,
    RemoveNode,
    ReplaceRoute,
    SetSysctl,
    Several,
    StartNode,
    apply,
)
from tui.core.changes.sentence import way
from tui.core.commands.inserting import Key, key, plain
from tui.core.world import Node, Route, Subnet, World

Value = tuple[Route, ...] | tuple[Subnet, ...] | int | bool | None


@dataclass(frozen=True, slots=True)
class Trace:
    """One thing that a change touches and its value then.

    `kind` is routes (the rivals of one key), sysctl, link (a node's place on a network), network or node; `node` and
    `name` say whose and which.
    """

    kind: str
    node: str
    name: str
    value: Value
    rivals: Key | None = None


def traces(change: Change, before: World, after: World, world: World) -> tuple[Trace, ...]:
    """All that the change touches between the two Worlds, with the values that `world` has."""
    return tuple(dict.fromkeys(_traces(change, before, after, world)))


def _traces(change: Change, before: World, after: World, world: World) -> Iterator[Trace]:
    match change:
        case AddRoute(node, route) | ReplaceRoute(node, route) | DeleteRoute(node, route):
            yield _read(Trace("routes", node, route.dst.network.brief, None, _key(route)), world)
        case SetSysctl(node):
            old, new = before.node(node), after.node(node)
            assert old is not None
            assert new is not None
            for name in dict.fromkeys([change.name, *(n for n, value in new.sysctls if old.sysctl(n) != value)]):
                yield _read(Trace("sysctl", node, name, None), world)
        case Connect(node, network) | Disconnect(node, network):
            yield _read(Trace("link", node, network, None), world)
        case CreateNetwork(network):
            yield _read(Trace("network", "", network.name, None), world)
        case RemoveNetwork(name):
            yield _read(Trace("network", "", name, None), world)
        case StartNode(name) | RemoveNode(name):
            yield _read(Trace("node", name, name, None), world)
        case Several(changes):
            # What is touched twice is judged by how all of them leave it.
            for each in changes:
                step = apply(each, before)
                yield from _traces(each, before, step, world)
                before = step


def _key(route: Route) -> Key:
    table, dst, src, tos, _ = key(route)
    return (table, dst.network, src, tos, route.metric or (1024 if route.family == 6 else 0))


def _read(trace: Trace, world: World) -> Trace:
    return Trace(trace.kind, trace.node, trace.name, _value(trace, world), trace.rivals)


def _value(trace: Trace, world: World) -> Value:
    """What it is in this World."""
    node = world.node(trace.node)
    if trace.kind == "network":
        network = world.network(trace.name)
        return tuple(each for each in network.subnets) if network is not None else None
    if trace.kind == "node" or node is None:
        return node is not None
    if trace.kind == "sysctl":
        return node.sysctl(trace.name)
    if trace.kind == "link":
        return any(each.network == trace.name for each in node.interfaces)
    return tuple(plain(each) for each in node.routes if each.dst == _dst(trace) and _key(each) == trace.rivals)


def _dst(trace: Trace) -> Prefix:
    assert trace.rivals is not None
    return trace.rivals[1]


def moved(trace: Trace, world: World) -> str | None:
    """A phrase that says how the thing is not as the trace has it; None where it is."""
    node = world.node(trace.node)
    if node is None and trace.kind in ("routes", "sysctl", "link"):
        return f"there is no node {trace.node} any more"
    now = _value(trace, world)
    if now == trace.value:
        return None
    if trace.kind == "sysctl":
        return f"{trace.name} on {trace.node} is {now} now, not {trace.value}"
    if trace.kind == "link":
        return f"{trace.node} is {'' if now else 'no longer '}on network {trace.name}{' again' if now else ''}"
    if trace.kind in ("network", "node"):
        what = f"{trace.kind} {trace.name}"
        if not now:
            return f"{what} is no longer there"
        return f"{what} is there again" if not trace.value else f"{what} is another one now"
    return _other_routes(trace, node, now)


def _other_routes(trace: Trace, node: Node | None, now: Value) -> str:
    assert node is not None
    left = trace.value if isinstance(trace.value, tuple) else ()
    have = now if isinstance(now, tuple) else ()
    if left and not have:
        return f"the route to {trace.name} on {node.name} is no longer there"
    strange = next((each for each in have if each not in left and isinstance(each, Route)), None)
    if strange is None:
        return f"not all of the routes to {trace.name} on {node.name} are there any more"
    if not left:
        return f"there is a route to {trace.name} on {node.name} again, {way(strange)}"
    return f"another route to {trace.name} stands on {node.name} now, {way(strange)}"
