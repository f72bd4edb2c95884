"""What `ip addr` prints about an interface, as text and as JSON (iproute2 ip/ipaddress.c, print_addrinfo)."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from tui.core.world import Interface, InterfaceAddress

_FOREVER = 4294967295


def address_lines(interface: Interface, families: Set[int]) -> list[str]:
    """The block of one interface: its line, its link's line, and two lines for each address of these families."""
    link = "loopback" if _is_loopback(interface) else "ether"
    name = interface.name if interface.peer_index is None else f"{interface.name}@if{interface.peer_index}"
    mtu = f" mtu {interface.mtu}" if interface.mtu is not None else ""
    master = f" master {interface.master}" if interface.master else ""
    lines = [f"{interface.index}: {name}: <{','.join(_flags(interface))}>{mtu}{master} state {_state(interface)} "]
    if interface.mac:
        lines.append(f"    link/{link} {interface.mac}")
    for each in interface.addresses:
        if each.address.version in families:
            lines += [_line(each, interface), "       valid_lft forever preferred_lft forever"]
    return lines


def _line(each: InterfaceAddress, interface: Interface) -> str:
    family = "inet" if each.address.version == 4 else "inet6"
    own = f"{each.address} peer {each.peer}" if each.peer else f"{each.address}/{each.length}"
    brd = f" brd {each.broadcast}" if each.broadcast else ""
    flags = "".join(f" {flag}" for flag in each.flags)
    label = f" {interface.name}" if each.address.version == 4 else " "
    return f"    {family} {own}{brd} scope {each.scope}{flags}{label}"


def addresses_json(interface: Interface, families: Set[int]) -> dict[str, Any]:
    """The object of one interface in `ip -j addr`."""
    found: dict[str, Any] = {"ifindex": interface.index, "ifname": interface.name, "flags": _flags(interface)}
    if interface.mtu is not None:
        found["mtu"] = interface.mtu
    if interface.master:
        found["master"] = interface.master
    found["operstate"] = _state(interface)
    found["link_type"] = "loopback" if _is_loopback(interface) else "ether"
    found["address"] = interface.mac
    found["addr_info"] = [_object(each) for each in interface.addresses if each.address.version in families]
    return found


def _object(each: InterfaceAddress) -> dict[str, Any]:
    found: dict[str, Any] = {"family": "inet" if each.address.version == 4 else "inet6", "local": str(each.address)}
    if each.peer is not None:
        found["address"] = str(each.peer.address)
    found["prefixlen"] = each.peer.length if each.peer else each.length
    if each.broadcast is not None:
        found["broadcast"] = str(each.broadcast)
    found["scope"] = each.scope
    found |= dict.fromkeys(each.flags, True)
    return found | {"valid_life_time": _FOREVER, "preferred_life_time": _FOREVER}


def _is_loopback(interface: Interface) -> bool:
    return interface.kind == "loopback" or interface.name == "lo"


def _flags(interface: Interface) -> list[str]:
    flags = [] if interface.carrier or not interface.up else ["NO-CARRIER"]
    flags += ["LOOPBACK"] if _is_loopback(interface) else ["BROADCAST", "MULTICAST"]
    return flags + (["UP"] if interface.up else []) + (["LOWER_UP"] if interface.up and interface.carrier else [])


def _state(interface: Interface) -> str:
    if _is_loopback(interface):
        return "UNKNOWN"
    return "UP" if interface.up and interface.carrier else "DOWN"
