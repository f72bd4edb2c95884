"""What stands under what in the list of places: pure decisions, without a screen."""

from tui.core.addresses import parse_address, parse_prefix
from tui.core.world import Interface, InterfaceAddress, Network, Node, Subnet, World
from tui.panels.layout import layout

NET1 = Network("net1", subnets=(Subnet(parse_prefix("172.19.0.0/16"), parse_address("172.19.0.1")),))


def world(*networks, **nodes):
    members = []
    for name, (network, address) in nodes.items():
        own = InterfaceAddress(parse_address(address), 16)
        members.append(Node(name, interfaces=(Interface("eth0", addresses=(own,), network=network),)))
    return World("test", networks, tuple(members))


def names(rows):
    return [row.name for row in rows]


def test_docker_s_host_and_none_are_shown_only_with_somebody_on_them():
    pseudo = Network("host", driver="host"), Network("none", driver="null")
    assert names(layout(world(*pseudo, NET1), 4, frozenset())) == ["net1", "gateway"]
    busy = world(*pseudo, NET1, web=("host", "10.0.0.9"))
    assert names(layout(busy, 4, frozenset()))[:2] == ["host", "web"]
    assert "none" not in names(layout(busy, 4, frozenset()))
