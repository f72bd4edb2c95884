"""Interfaces and their addresses as `ip -j addr` and `ip -j link` print them."""

from __future__ import annotations

import json
from typing import Any

from tui.core.addresses import AddressError, Prefix, parse_address
from tui.core.names import SCOPES, named
from tui.core.reading import LinkReading
from tui.core.reading.json_values import json_objects
from tui.core.reading.link_draft import LinkDraft, is_mac, linked
from tui.core.world import InterfaceAddress


def read_link_json(text: str) -> LinkReading:
    """Read `ip -j [-d] addr` or `ip -j [-d] link`; an object without a name is unread."""
    objects, unread = json_objects(text)
    links: dict[str, LinkDraft] = {}
    listed = False
    for each in objects:
        name = each.get("ifname")
        if not isinstance(name, str) or not name:
            unread.append(json.dumps(each))
            continue
        link = links.setdefault(name, LinkDraft(name))
        _take(link, each)
        listed = listed or "addr_info" in each
        for given in each.get("addr_info") or ():
            address = _address(given) if isinstance(given, dict) else None
            if address is not None:
                link.addresses.append(address)
            elif given:
                unread.append(json.dumps(given))
    reading = linked(links, unread)
    topics = ("addresses", *(topic for topic in reading.topics if topic != "addresses"))
    return LinkReading(reading.interfaces, reading.unread, topics) if listed else reading


def _take(link: LinkDraft, given: dict[str, Any]) -> None:
    link.index = _integer(given.get("ifindex")) or link.index
    if isinstance(given.get("flags"), list):
        link.has_state = True
        link.set_flags(map(str, given["flags"]))
    link.mtu = _integer(given.get("mtu"))
    link.master = str(given["master"]) if given.get("master") else None
    link.mac = given["address"] if is_mac(str(given.get("address", ""))) else ""
    if given.get("link_type") == "loopback":
        link.kind = "loopback"
    about = given.get("linkinfo")
    if isinstance(about, dict):
        link.kind = str(about.get("info_kind", link.kind))
    lower = _integer(given.get("link_index"))
    link.lower = f"if{lower}" if lower else str(given.get("link") or "")


def _address(given: dict[str, Any]) -> InterfaceAddress | None:
    try:
        own = parse_address(str(given.get("local", given.get("address", ""))))
        peer = parse_address(str(given["address"])) if "local" in given and "address" in given else None
        broadcast = parse_address(str(given["broadcast"])) if "broadcast" in given else None
    except AddressError:
        return None
    length = _integer(given.get("prefixlen"))
    width = 32 if own.version == 4 else 128
    if length is not None and not 0 <= length <= width:
        return None
    return InterfaceAddress(
        own,
        width if length is None else length,
        named(SCOPES, str(given.get("scope", "global"))),
        broadcast,
        None if peer is None else Prefix(peer.version, peer.value, width if length is None else length),
        tuple(key for key, value in given.items() if value is True),
    )


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
