"""What a route says and what could not be read of a node, in plain words: all that a table needs to be told.

How a lookup comes to its decision is in tui.core.explain, with the steps that it speaks of.
"""

from __future__ import annotations

from tui.core.addresses import WIDTH
from tui.core.naming import called, network_of, owner_of, subnet_network
from tui.core.world import NextHop, Node, Route, World

_KINDS = {
    "unreachable": "refused: unreachable",
    "prohibit": "refused: prohibited",
    "blackhole": "thrown away without a word: blackhole",
    "throw": "not in this table: on to the next rule",
    "nat": "translated (no kernel does this any more)",
}


def route(each: Route, node: Node, world: World | None = None) -> str:
    """What a route says, in a few words without a full stop: "anything else, to the host"."""
    dead = {flag for hop in each.nexthops for flag in hop.flags} & {"dead", "linkdown"}
    note = (
        f" ({'not used: ' if 'dead' in dead else ''}link down)"
        if "linkdown" in dead
        else " (dead: not used)"
        if dead
        else ""
    )
    network = network_of(node, each.dev, world)
    wire = network or each.dev or "no device"
    match each.type:
        case "local" if each.dst.length < WIDTH[each.family] and not each.dst.address.is_loopback:
            return f"addresses that this node takes as its own{note}"
        case "local":
            return "this node itself (loopback)" if each.dst.address.is_loopback else "this node's own address"
        case "anycast":
            return "this node's own anycast address"
        case "broadcast":
            return f"everyone on {wire}{note}"
        case "multicast":
            return f"multicast groups, on {wire}{note}"
        case "unicast":
            return f"{_reaches(each, node, world, wire)}{note}"
    return _KINDS.get(each.type, f"a route of type {each.type}")


def _reaches(each: Route, node: Node, world: World | None, wire: str) -> str:
    hops = each.nexthops
    if each.unread_gateway is not None:
        what = "anything else" if each.is_default else f"to {_target(each, node, world)}"
        return f"{what}, through {each.unread_gateway}, whose address is not known"
    if len(hops) == 1 and hops[0].gateway is None:
        return _neighbours(each, node, world, wire)
    through = " or ".join(dict.fromkeys(_gateway_name(hop, node, world) for hop in hops)) or "nowhere"
    if each.is_default:
        return f"anything else, to {through}"
    return f"to {_target(each, node, world)}, through {through}"


def _neighbours(each: Route, node: Node, world: World | None, wire: str) -> str:
    if each.is_default:
        return f"anything else, as if it were a neighbour on {wire}"
    if each.dst.length == WIDTH[each.family]:
        owner = owner_of(each.dst.address, node, each.dev, world)
        return f"{called(owner) if owner else 'one neighbour'} alone, on {wire}"
    kind = "link-local neighbours" if each.dst.address.is_link_local else "neighbours"
    return f"{kind} on {wire}"


def _target(each: Route, node: Node, world: World | None) -> str:
    """What a prefix is called: its network, the node that has this very address, or the prefix itself."""
    network = subnet_network(each.dst, world)
    if network is not None:
        return network
    if each.dst.length == WIDTH[each.family]:
        owner = owner_of(each.dst.address, node, None, world)
        if owner is not None:
            return called(owner)
    return each.dst.brief


def _gateway_name(hop: NextHop, node: Node, world: World | None) -> str:
    if hop.gateway is None:
        return f"{hop.dev} directly"
    owner = owner_of(hop.gateway, node, hop.dev, world)
    return called(owner) if owner is not None and owner != node else str(hop.gateway)


_TOPIC_WORDS = {
    "routes4": "its main IPv4 table",
    "tables4": "its IPv4 tables other than main",
    "rules4": "its IPv4 rules",
    "routes6": "its main IPv6 table",
    "tables6": "its IPv6 tables other than main",
    "rules6": "its IPv6 rules",
    "addresses": "its addresses",
    "links": "the state of its links",
    "sysctls": "its settings (forwarding, rp_filter)",
}


def missing(node: Node) -> tuple[str, ...]:
    """What could not be read about a node, in words, one each: "its IPv4 rules"."""
    return tuple(_TOPIC_WORDS.get(topic, topic) for topic in node.missing)
