"""Changes in plain sentences."""

from __future__ import annotations

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
)
from tui.core.world import NextHop, Route

_FORWARDING = {
    "net.ipv4.ip_forward": "IPv4",
    "net.ipv4.conf.all.forwarding": "IPv4",
    "net.ipv6.conf.all.forwarding": "IPv6",
}


def sentence(change: Change) -> str:
    """What the change does, in one sentence."""
    match change:
        case AddRoute(node, route):
            return f"Add a route on {node}: {destination(route)} {way(route)}."
        case ReplaceRoute(node, route):
            return f"Replace the route on {node}: {destination(route)} {way(route)}."
        case DeleteRoute(node, route):
            return f"Delete the route on {node}: {destination(route)} {way(route)}."
        case SetSysctl(node, name, value):
            if name in _FORWARDING and value in (0, 1):
                return f"Turn {_FORWARDING[name]} forwarding {'on' if value else 'off'} on {node}."
            return f"Set {name} to {value} on {node}."
        case Connect(node, network):
            given = f" as {' and '.join(map(str, change.addresses))}" if change.addresses else ""
            return f"Connect {node} to network {network}{given}."
        case Disconnect(node, network):
            return f"Disconnect {node} from network {network}."
        case CreateNetwork(network):
            return f"Create network {network.name} with {' and '.join(str(each.prefix) for each in network.subnets)}."
        case RemoveNetwork(name):
            return f"Remove network {name}."
        case StartNode(name):
            networks = " and ".join(each.network for each in change.links) or "no network"
            return f"Start {name} on {networks}."
        case RemoveNode(name):
            return f"Remove {name}."
        case Several(changes):
            return " ".join(sentence(each) for each in changes) or "Change nothing."


def destination(route: Route) -> str:
    """The destination with what narrows it: table, source, tos and metric."""
    words = ["the default" if route.is_default else route.dst.brief]
    words += [f"from {route.src}"] if route.src is not None else []
    words += [f"with tos {route.tos:#x}"] if route.tos else []
    words += [f"in table {route.table}"] if route.table != "main" else []
    words += [f"at metric {route.metric}"] if route.metric not in (None, 0, 1024 if route.family == 6 else 0) else []
    return " ".join(words)


def way(route: Route) -> str:
    """Where it leads: via a gateway, directly by a device, both of several, or nowhere."""
    if route.is_reject or route.type == "throw":
        return f"is {route.type}" if route.type != "throw" else "is left to the next table"
    hops = [_hop(each) for each in route.nexthops]
    told = " and ".join(hops) or "without a next hop"
    return told if route.type == "unicast" else f"{told} ({route.type})"


def _hop(hop: NextHop) -> str:
    by = f" by {hop.dev}" if hop.dev is not None else ""
    return f"via {hop.gateway}{by}" if hop.gateway is not None else f"on-link{by}"
