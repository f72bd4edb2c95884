"""A route as a person writes it into a form: what a field may hold, the change it comes to, what is wrong where."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tui.core.addresses import Address, AddressError, Prefix, parse_address, parse_prefix
from tui.core.changes import AddRoute, Change, DeleteRoute, ReplaceRoute, Several
from tui.core.changes.gateways import Gateway, gateways, network_of, withheld
from tui.core.changes.preview import Preview
from tui.core.commands import default_scope
from tui.core.commands.inserting import key, rivals
from tui.core.world import REJECTS, NextHop, Node, Route, World

WORDS = (*REJECTS, "throw")
"""What may stand in place of a next hop: a route that answers, or sends the lookup on (ip-route(8))."""

TABLES = ("main", "local", "default")


@dataclass(frozen=True, slots=True)
class Written:
    """The texts of the fields. `replaces` says that a route of the same prefix, tos and metric is to be replaced."""

    to: str = ""
    via: str = ""
    dev: str = ""
    metric: str = ""
    table: str = "main"
    replaces: bool = False


class Complaint(ValueError):
    """What is wrong in one of the fields; str() is one sentence.

    `field` is its name in Written. `offer` is (field, text) that would mend it, where something would.
    """

    def __init__(self, field: str, sentence: str, offer: tuple[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.field, self.offer = field, offer


# --- the destination ---


@dataclass(frozen=True, slots=True)
class Target:
    """A destination that can be completed: its `name` as typed, the prefix it stands for, and what it is in words."""

    name: str
    prefix: Prefix
    says: str


def targets(world: World, node: str, family: int = 4) -> tuple[Target, ...]:
    """What can be written as a destination: networks that the node is not on, then containers on them, then the rest.

    A container stands for the subnet that it is in. A name that is a network's and a container's is the network's.
    """
    return tuple({each.name: each for each in reversed(list(_targets(world, node, family)))}.values())[::-1]


def _targets(world: World, node: str, family: int) -> Iterator[Target]:
    home = {each for each, _ in _homes(world, node)}
    subnets = {each.name: next(_subnets(world, each.name, family), None) for each in world.networks}
    for name, prefix in sorted(subnets.items(), key=lambda each: each[0] in home):
        if prefix is not None:
            yield Target(name, prefix, f"{name}, {'where it is itself' if name in home else 'a network'}")
    for other in world.nodes:
        if other.name == node or other.kind == "host":
            continue
        on = [each.network for each in other.interfaces if each.network is not None]
        found = None if home & set(on) else next((name for name in on if subnets.get(name) is not None), None)
        prefix = subnets[found] if found is not None else None
        if prefix is not None:
            yield Target(other.name, prefix, f"{found}, where {other.name} is")
    yield Target("default", Prefix(family, 0, 0), "anything else")


def _homes(world: World, node: str) -> Iterator[tuple[str, Node]]:
    found = world.node(node)
    if found is not None and found.shares is not None:
        found = world.node(found.shares)
    for each in found.interfaces if found is not None else ():
        if each.network is not None and found is not None:
            yield each.network, found


def _subnets(world: World, network: str, family: int) -> Iterator[Prefix]:
    """The subnets of a network, those of the family first."""
    found = world.network(network)
    yield from sorted(
        (each.prefix for each in (found.subnets if found else ())), key=lambda each: each.version != family
    )


def destination(text: str, world: World, node: str, family: int = 4) -> Prefix:
    """What the destination field says. Raises Complaint."""
    text = text.strip()
    if not text:
        raise Complaint("to", "Write where to: a network, a container, a prefix such as 172.20.0.0/16, or default.")
    known = {each.name: each.prefix for each in targets(world, node, family)}
    if text in known:
        return known[text]
    _check_no_neighbour(text, world, node)
    try:
        return parse_prefix(text, family)
    except AddressError as error:
        if text[0].isdigit() or ":" in text or "/" in text:
            raise Complaint("to", str(error)) from None
    near = difflib.get_close_matches(text, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else "write a network, a container, or a prefix such as 172.20.0.0/16."
    raise Complaint("to", f"Nothing here is named {text!r}: {hint}", ("to", near[0]) if near else None)


def _check_no_neighbour(text: str, world: World, node: str) -> None:
    """A container without a network of its own that is away needs no gateway, or has nowhere to go to."""
    other = world.node(text)
    if other is None:
        return
    if other.name == node:
        raise Complaint("to", f"{text} is the node itself.")
    shared = {each.network for each in other.interfaces} & {name for name, _ in _homes(world, node)}
    if shared:
        raise Complaint("to", f"{text} is on {min(filter(None, shared))} too: it is reached without a gateway.")
    raise Complaint("to", f"{text} is on no network with a subnet: write an address or a prefix.")


def suggested(world: World, node: str, look: Address) -> str:
    """The destination to begin with, when a packet to that address is what somebody asked about; "" for a neighbour."""
    found = world.node(node)
    if found is not None and any(each.prefix.covers(look) for _, each in found.addresses()):
        return ""
    homes = [each.prefix for network in world.networks for each in network.subnets if each.prefix.covers(look)]
    if homes:
        return str(homes[0])
    has_default = found is not None and any(each.is_default and each.family == look.version for each in found.routes)
    return str(look) if has_default else "default"


def says(prefix: Prefix, world: World, node: str) -> str:
    """What a destination is in a few words: its network, whether it is on-link, or that nobody here is in it."""
    if prefix.length == 0:
        return "anything else"
    names = [each.name for each in world.networks for subnet in each.subnets if subnet.prefix == prefix.network]
    home = next((name for name, _ in _homes(world, node) if name in names), None)
    if home is not None:
        return f"{home}, where {node} is itself: on-link"
    if names:
        return " or ".join(names)
    inside = network_of(world, prefix.first)
    return f"within {inside}" if inside is not None else "no network here has it"


# --- the next hop ---


def offered(world: World, node: str, prefix: Prefix) -> tuple[tuple[Gateway, ...], tuple[Gateway, ...]]:
    """The gateways to offer for a destination, the best first, and those withheld, each with its reason."""
    return gateways(world, node, prefix), withheld(world, node, prefix)


def _hops(written: Written, world: World, node: str, prefix: Prefix) -> tuple[NextHop, ...]:
    """The next hops that the fields name: one, several with commas between, or a device alone."""
    dev = written.dev.strip() or None
    if not written.via.strip():
        if dev is None:
            best = next(iter(gateways(world, node, prefix)), None)
            told = f"{prefix.brief} needs a next hop, or a device that it is on-link by"
            hint = f": {best.address} ({best.node}) is one." if best is not None else "."
            raise Complaint("via", told + hint, ("via", str(best.address)) if best is not None else None)
        return (NextHop(dev),)
    several = [each.split() for each in written.via.split(",")]
    return tuple(_hop(words, dev, world, node, prefix) for words in several if words)


def _hop(words: list[str], dev: str | None, world: World, node: str, prefix: Prefix) -> NextHop:
    flags = ("onlink",) if words[1:] == ["onlink"] else ()
    if words[1:] and not flags:
        raise Complaint("via", f"{' '.join(words[1:])!r} is no part of a next hop: put commas between several of them.")
    try:
        gateway = parse_address(words[0])
    except AddressError as error:
        if words[0][0].isdigit() or ":" in words[0]:
            raise Complaint("via", str(error)) from None
    else:
        _check_family(gateway, world, node, prefix)
        return NextHop(dev, gateway, flags=flags)
    known = [*gateways(world, node, prefix), *withheld(world, node, prefix)]
    named = next((each for each in known if each.node == words[0]), None)
    if named is not None:
        return NextHop(dev or named.dev, named.address, flags=flags)
    offer = ("via", str(known[0].address)) if known else None
    if world.node(words[0]) is not None:
        raise Complaint("via", f"{words[0]} is no neighbour of {node}: a gateway must be on-link.", offer)
    raise Complaint("via", f"Nothing here is named {words[0]!r}: write the address of a neighbour.", offer)


def _check_family(gateway: Address, world: World, node: str, prefix: Prefix) -> None:
    """An IPv4 gateway leads to no IPv6 prefix; the other way round there is `via inet6` (RFC 8950)."""
    if prefix.version == 6 and gateway.version == 4:
        best = next(iter(gateways(world, node, prefix)), None)
        hint = f": {best.address} ({best.node}) is one." if best is not None else "."
        told = f"{gateway} is an IPv4 address, and {prefix.brief} needs an IPv6 gateway"
        raise Complaint("via", told + hint, ("via", str(best.address)) if best is not None else None)


def via(route: Route) -> str:
    """The text of the next hop field for a route that is there."""
    if route.type in WORDS:
        return route.type
    return ", ".join(
        " ".join([str(hop.gateway), *(each for each in hop.flags if each == "onlink")])
        for hop in route.nexthops
        if hop.gateway is not None
    )


def written(route: Route) -> Written:
    """The fields for a route that is there."""
    dev = (route.dev or "") if len(route.nexthops) == 1 else ""
    metric = "" if route.metric is None else str(route.metric)
    return Written(route.dst.brief, via(route), dev, metric, route.table)


# --- the change ---


def change(fields: Written, world: World, node: str, family: int = 4, was: Route | None = None) -> Change:
    """The change that the fields ask for: a route more, or the route `was` made into another. Raises Complaint."""
    prefix = destination(fields.to, world, node, family)
    kind = fields.via.strip() if fields.via.strip() in WORDS else "unicast"
    hops = _hops(fields, world, node, prefix) if kind == "unicast" else ()
    route = Route(prefix, kind, hops, _table(fields.table, world, node), metric=_metric(fields.metric))
    route = replace(route, scope=default_scope(route, hops))
    if was is not None:
        return _edited(node, world.node(node), was, _remade(fields, was, route))
    return ReplaceRoute(node, route) if fields.replaces else AddRoute(node, route)


def _remade(fields: Written, was: Route, route: Route) -> Route:
    """The route as it was but for what the fields say; its next hops are kept whole where they say the same."""
    before = written(was)
    if (fields.via.strip(), fields.dev.strip()) == (before.via, before.dev):
        route = replace(route, type=was.type, nexthops=was.nexthops)
    made = replace(was, dst=route.dst, type=route.type, nexthops=route.nexthops, table=route.table, metric=route.metric)
    usual = was.scope == default_scope(was, was.nexthops)
    return replace(made, scope=default_scope(made, made.nexthops)) if usual else made


def _edited(name: str, node: Node | None, was: Route, route: Route) -> Change:
    """`ip route replace` takes the first of the same prefix, tos and metric; another place needs an add and a del."""
    if key(route) == key(was) and (node is None or rivals(node, was)[:1] in ([was], [])):
        return ReplaceRoute(name, route)
    if key(route) == key(was):
        return Several((DeleteRoute(name, was), AddRoute(name, route, "append")))
    return Several((AddRoute(name, route), DeleteRoute(name, was)))


def _metric(text: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and int(text) < 1 << 32):
        raise Complaint("metric", f"{text!r} is no metric: write a number from 0 to 4294967295, or nothing.")
    return int(text) or None


def tables(world: World, node: str) -> tuple[str, ...]:
    """The tables that a route may go into: main first, then those that the node's routes and rules name."""
    found = world.node(node)
    names = {each.table for each in found.routes} | {each.table for each in found.rules} if found is not None else set()
    rest = sorted(names.difference(TABLES), key=lambda name: (not name.isdigit(), name.zfill(12)))
    return (*TABLES[:1], *rest, *TABLES[1:])


def _table(text: str, world: World, node: str) -> str:
    text = text.strip() or "main"
    if text in TABLES or (text.isascii() and text.isdigit() and 0 < int(text) < 1 << 32):
        return {"254": "main", "255": "local", "253": "default"}.get(text, text)
    if text in tables(world, node):
        raise Complaint("table", f"Only the number of table {text} would be understood on {node}: write that.")
    raise Complaint("table", f"{text!r} is no table: write main, or a number from 1 to 4294967295.", ("table", "main"))


# --- the kernel's no ---

_BLAMED = {
    "Error: Invalid prefix for given prefix length.": "to",
    "RTNETLINK answers: File exists": "to",
    "Error: Nexthop has invalid gateway.": "via",
    "Error: Invalid gateway address.": "via",
    "Error: Gateway can not be a local address.": "via",
    "Error: No egress device for nexthop gateway.": "via",
    "Error: Nexthop has invalid gateway or device mismatch.": "via",
    "RTNETLINK answers: No route to host": "via",
    "RTNETLINK answers: Network is down": "via",
    "Error: Egress device not specified.": "dev",
    "Error: Device for nexthop is not up.": "dev",
    "Error: Nexthop device is not up.": "dev",
    "Error: Nexthop device required for onlink.": "dev",
    "RTNETLINK answers: No such device": "dev",
}
"""The field at fault, by what iproute2 prints."""


def blame(found: Preview, fields: Written, world: World, node: str, family: int = 4) -> Complaint:
    """The refusal of a preview as a complaint about the field that caused it; `field` is "" where none did alone."""
    prefix = destination(fields.to, world, node, family)
    field = "dev" if found.words.startswith("Cannot find device") else _BLAMED.get(found.words, "")
    told = f"{found.refused} The kernel says: {found.words}" if found.words else found.refused
    if field == "to" and prefix.has_host_bits:
        return Complaint("to", told, ("to", str(prefix.network)))
    if found.words == "RTNETLINK answers: File exists" and not fields.replaces:
        there = _present(found.change, world, node)
        if isinstance(found.change, AddRoute) and there == via(found.change.route):
            return Complaint("to", f"Just this route is there already. The kernel says: {found.words}")
        return Complaint("to", told, ("replaces", there))
    best = next(iter(gateways(world, node, prefix)), None)
    if field == "via" and best is not None:
        return Complaint("via", told, ("via", str(best.address)))
    return Complaint(field, told, ("dev", "") if field == "dev" and fields.via.strip() else None)


def _present(made: Change, world: World, name: str) -> str:
    """What is there already, in the words of a next hop."""
    node = world.node(name)
    if node is None or not isinstance(made, AddRoute):
        return ""
    there = next(iter(rivals(node, replace(made.route, metric=_held(made.route)))), None)
    return via(there) or f"dev {there.dev}" if there is not None else ""


def _held(route: Route) -> int | None:
    return (route.metric or 1024) if route.family == 6 else route.metric
