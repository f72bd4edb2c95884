"""Why a packet goes nowhere, and what would mend it: each Failure of a lookup in a sentence or two."""

from __future__ import annotations

from collections.abc import Callable

from tui.core.addresses import WIDTH
from tui.core.naming import called, opening, way_to
from tui.core.steps import CheckStep, Decision, Failure, Lookup, RuleStep
from tui.core.world import Node, World

ERRNO_TEXT = {
    "ENETUNREACH": "Network is unreachable",
    "EHOSTUNREACH": "No route to host",
    "EACCES": "Permission denied",
    "EINVAL": "Invalid argument",
    "ENODEV": "No such device",
    "EXDEV": "Invalid cross-device link",
}
"""What strerror(3) says for the errors that a route lookup ends with."""


def refusal(lookup: Lookup, node: Node, world: World | None) -> str:
    """What stopped the packet, what the sender notices, and what to do about it."""
    failure = lookup.decision.failure
    assert failure is not None
    return _SENTENCES[failure](lookup, node, world)


def _no_route(lookup: Lookup, node: Node, world: World | None) -> str:
    dst = lookup.query.dst
    start = f"{opening(node)} has no route to {dst}: nothing matches, not even a default route"
    return f"{start}{_notice(lookup)}. {_add(lookup, node, world)}"


def _add(lookup: Lookup, node: Node, world: World | None) -> str:
    """The route that would help: through a node on the destination's network where one is known, else a default."""
    dst = lookup.query.dst
    family = "" if dst.version == 4 else "-6 "
    way = way_to(dst, node, world)
    if way is not None:
        prefix, gateway, dev, name = way
        return f"Add one through {name}: `ip {family}route add {prefix} via {gateway} dev {dev}`."
    gateway_text = "GATEWAY"
    for interface in node.interfaces:
        network = world.network(interface.network) if world and interface.network else None
        for subnet in network.subnets if network else ():
            if subnet.gateway is not None and subnet.gateway.version == dst.version and gateway_text == "GATEWAY":
                gateway_text = str(subnet.gateway)
    return f"Add one: `ip {family}route add default via {gateway_text}`, or one for its prefix."


def _notice(lookup: Lookup) -> str:
    """What a program on the sending node is told; a packet from outside is answered or dropped by the caller's rule."""
    text = ERRNO_TEXT.get(lookup.decision.errno or "")
    return f' (programs see "{text}")' if text and not lookup.query.iif else ""


def _by(found: Decision, lookup: Lookup) -> str:
    """Who refuses: a route with its table, or the rule that was the last to apply."""
    if found.route is not None:
        return f"The {found.route.type} route {found.route.dst.brief} in table {found.route.table}"
    rules = [each.rule for each in lookup.steps if isinstance(each, RuleStep) and each.matched]
    return f"Rule {rules[-1].priority}" if rules and rules[-1].action != "table" else "A rule"


def _refused(deed: str) -> Callable[[Lookup, Node, World | None], str]:
    def sentence(lookup: Lookup, node: Node, world: World | None) -> str:  # noqa: ARG001  # one shape for all
        found = lookup.decision
        route, dst = found.route, lookup.query.dst
        family = "" if dst.version == 4 else "-6 "
        if route is None:
            mend = f"Look at `ip {family}rule` and put a rule with a lower number before it."
        elif route.dst.length == WIDTH[dst.version]:
            mend = f"`ip {family}route del {route.type} {route.dst.brief}{_in_table(route.table)}` takes it away."
        else:
            mend = (
                f"A longer prefix wins over it, or `ip {family}route del {route.type} {route.dst.brief}"
                f"{_in_table(route.table)}` takes it away."
            )
        return f"{_by(found, lookup)} {deed} packets to {dst}{_notice(lookup)}. {mend}"

    return sentence


def _in_table(table: str) -> str:
    return "" if table == "main" else f" table {table}"


def _not_forwarding(lookup: Lookup, node: Node, world: World | None) -> str:  # noqa: ARG001
    iif, version = lookup.query.iif or "all", lookup.query.dst.version
    where = f"net.ipv4.conf.{iif.replace('.', '/')}.forwarding" if version == 4 else "net.ipv6.conf.all.forwarding"
    switch = "net.ipv4.ip_forward" if version == 4 else "net.ipv6.conf.all.forwarding"
    docker = (
        f"; Docker sets it with `--sysctl {switch}=1` when it makes the container" if node.kind == "container" else ""
    )
    return (
        f"The packet came in by {iif} and is for somebody else, but {called(node)} does not forward ({where} is 0), "
        f"so it is dropped. Turn it on: `sysctl -w {switch}=1`{docker}."
    )


def _reverse_path(lookup: Lookup, node: Node, world: World | None) -> str:  # noqa: ARG001
    query = lookup.query
    dev = (query.iif or "all").replace(".", "/")
    return (
        f"The packet from {query.src} came in by {query.iif}, but {called(node)} would not answer it that way: "
        f"rp_filter drops it without a word. Add a route to {query.src} by {query.iif}, "
        f"or loosen the check: `sysctl -w net.ipv4.conf.{dev}.rp_filter=2` (the larger of `all` and the device counts)."
    )


def _martian(lookup: Lookup, node: Node, world: World | None) -> str:  # noqa: ARG001
    reason = _reason(lookup) or "its source or destination may not occur there"
    told = _notice(lookup) or ": it is dropped without a word"
    return (
        f"{opening(node)} takes this packet for a martian, {reason}{told}. "
        "Look at its source address and the interface it came in by."
    )


def _bad_source(lookup: Lookup, node: Node, world: World | None) -> str:  # noqa: ARG001
    query = lookup.query
    own = [str(each.address) for _, each in node.addresses() if each.address.version == query.dst.version]
    have = f"it has {', '.join(own[:6])}{', …' if len(own) > 6 else ''}" if own else "it has none of that family"
    return (
        f"{query.src} is no address of {called(node)} ({have}), so it cannot send from it{_notice(lookup)}. "
        "Name one of its own, or the interface that the packet came in by (iif)."
    )


def _link_down(lookup: Lookup, node: Node, world: World | None) -> str:  # noqa: ARG001
    dev = lookup.query.oif or lookup.decision.dev or "the device"
    return f"{dev} of {called(node)} is down{_notice(lookup)}. Bring it up: `ip link set {dev} up`."


def _no_device(lookup: Lookup, node: Node, world: World | None) -> str:  # noqa: ARG001
    names = ", ".join(each.name for each in node.interfaces) or "none that is known"
    known = {each.name for each in node.interfaces}
    wanted = next((each for each in (lookup.query.iif, lookup.query.oif) if each and each not in known), "that name")
    return f"{opening(node)} has no device {wanted}; its devices: {names}."


def _unknown(lookup: Lookup, node: Node, world: World | None) -> str:  # noqa: ARG001
    reason = _reason(lookup) or "what would decide it could not be read"
    return f"Nobody can say where {called(node)} sends a packet to {lookup.query.dst}. {_sentence(reason)}"


def _sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:]}."


def _reason(lookup: Lookup) -> str:
    """The lookup's own reason: the decision's, else the last failed check's."""
    failed = [each.reason for each in lookup.steps if isinstance(each, CheckStep) and not each.passed]
    return (lookup.decision.reason or (failed[-1] if failed else "")).rstrip(". ")


_SENTENCES: dict[Failure, Callable[[Lookup, Node, World | None], str]] = {
    Failure.NO_ROUTE: _no_route,
    Failure.UNREACHABLE: _refused("refuses"),
    Failure.PROHIBIT: _refused("prohibits"),
    Failure.BLACKHOLE: _refused("throws away"),
    Failure.NOT_FORWARDING: _not_forwarding,
    Failure.REVERSE_PATH: _reverse_path,
    Failure.MARTIAN: _martian,
    Failure.BAD_SOURCE: _bad_source,
    Failure.LINK_DOWN: _link_down,
    Failure.NO_DEVICE: _no_device,
    Failure.UNKNOWN: _unknown,
}
