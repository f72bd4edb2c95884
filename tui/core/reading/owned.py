"""A machine's own addresses told by its routes alone, where nobody listed the addresses themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from tui.core.addresses import WIDTH, Address
from tui.core.world import Interface, InterfaceAddress, Route


def owned_addresses(routes: Iterable[Route], links: Mapping[str, Interface]) -> dict[str, Interface]:
    """The interfaces with the addresses that the kernel's connected routes give away added to those known.

    A connected route names the subnet, and its `src`, or a `local` route of the same device inside it, the address
    (fib_add_ifaddr in net/ipv4/fib_frontend.c, addrconf_prefix_route in net/ipv6/addrconf.c).
    """
    connected: list[tuple[Route, str]] = []
    own: dict[str, dict[Address, None]] = {}
    for route in routes:
        dev = route.dev
        if dev is None or route.gateway is not None or len(route.nexthops) != 1:
            continue
        if route.type == "local" and route.table == "local" and route.dst.length == WIDTH[route.family]:
            own.setdefault(dev, {})[route.dst.address] = None
        elif route.type == "unicast" and 0 < route.dst.length < WIDTH[route.family]:
            connected.append((route, dev))
    found = dict(links)
    for route, dev in connected:
        candidates = [route.prefsrc] if route.prefsrc is not None else [*own.get(dev, ())]
        for address in candidates:
            if address in route.dst and (route.prefsrc is not None or route.protocol == "kernel"):
                found[dev] = _with(found.get(dev) or Interface(dev), address, route)
    return found


def _with(interface: Interface, address: Address, route: Route) -> Interface:
    if any(each.address == address for each in interface.addresses):
        return interface
    scope = "link" if address.version == 6 and address.is_link_local else "global"
    own = InterfaceAddress(address, route.dst.length, scope)
    return replace(interface, addresses=(*interface.addresses, own))
