"""Interfaces and their addresses as `ip addr` and `ip link` print them: text, -o, -br, -d, -s, JSON, BusyBox, ifconfig.

(iproute2 ip/ipaddress.c print_linkinfo and print_addrinfo; ip-address(8), ip-link(8).)
"""

from __future__ import annotations

import re
from dataclasses import replace

from tui.core.addresses import Address, AddressError, Prefix, parse_address, parse_prefix
from tui.core.names import SCOPES, address_flags, integer, named
from tui.core.reading import LinkReading, lines_of
from tui.core.reading.ifconfig import is_ifconfig, read_ifconfig
from tui.core.reading.link_draft import LinkDraft, is_mac, linked
from tui.core.reading.link_json import read_link_json
from tui.core.reading.procfs import is_if_inet6, read_if_inet6
from tui.core.reading.prompts import is_prompt
from tui.core.world import InterfaceAddress

_HEADER = re.compile(r"^\s*(\d+):\s+(\S+):\s+<([^>]*)>\s*(.*)$")
_ONE_ADDRESS = re.compile(r"^\s*(\d+):\s+(\S+)\s+(inet6?\s.*)$")
_STATES = "UNKNOWN|NOTPRESENT|DOWN|LOWERLAYERDOWN|TESTING|DORMANT|UP"
_BRIEF = re.compile(rf"^(\S+)\s+({_STATES})(?:\s+(.*))?$")
_ONE_LINE = re.compile(r"\\\s+")
_KIND_NAMES = """
amt bareudp bond bridge can dummy erspan geneve gre gretap gtp hsr ifb ip6erspan ip6gre ip6gretap ip6tnl ipip ipip6
ipoib ipvlan ipvtap lowpan macsec macvlan macvtap netdevsim netkit nlmon rmnet sit team tun vcan veth virt_wifi vlan
vrf vti vti6 vxcan vxlan wireguard wwan xfrm
"""
_KINDS = frozenset(_KIND_NAMES.split())
_DETAILS = frozenset(("valid_lft", "altname", "alias", "RX:", "TX:", "RX", "TX", "vf", "prog/xdp", "promiscuity"))


def is_link(line: str) -> bool:
    """Whether a line begins an interface in `ip addr`, `ip link` (any of -o, -br) or ifconfig, or if_inet6."""
    return any(each.match(line) for each in (_HEADER, _ONE_ADDRESS, _BRIEF)) or is_ifconfig(line) or is_if_inet6(line)


def read_links(text: str) -> LinkReading:
    """Read what `ip [-4|-6|-o|-br|-d|-s|-c] addr` or `link`, `ip -j addr` or `link`, BusyBox `ip` or ifconfig printed.

    `carrier` is LOWER_UP. `peer_index` is the N of `eth0@ifN`, or the index of the other end where that stands in the
    same text. -br alone does not tell a device that was set down from one without a signal: it reads as up, no carrier.
    """
    if text.lstrip()[:1] in ("[", "{"):
        return read_link_json(text)
    lines = lines_of(_ONE_LINE.sub("\n    ", text) if "\\" in text else text)
    first = next((line for line in lines if line.strip() and not is_prompt(line)), "")
    if is_if_inet6(first):
        return read_if_inet6(text)
    if is_ifconfig(first):
        return read_ifconfig(text)
    listing = _Listing()
    for line in lines:
        if line.strip() and not listing.add(line) and not is_prompt(line):
            listing.unread.append(line)
    return linked(listing.links, listing.unread)


class _Listing:
    """The interfaces of a listing in the making; `last` is the one that indented lines belong to."""

    def __init__(self) -> None:
        self.links: dict[str, LinkDraft] = {}
        self.unread: list[str] = []
        self.last: LinkDraft | None = None

    def add(self, line: str) -> bool:
        """Read a line; False where it is not understood."""
        if header := _HEADER.match(line):
            self.last = self._link(header[2], int(header[1]))
            self.last.has_state = True
            self.last.set_flags(header[3].split(","))
            self.last.set_words(header[4].split())
            return True
        if one := _ONE_ADDRESS.match(line):
            self.last = self._link(one[2], int(one[1]))
            return self._address(self.last, one[3].split())
        if brief := _BRIEF.match(line):
            return self._brief(brief[1], brief[2], (brief[3] or "").split())
        return self.last is not None and line[:1].isspace() and self._detail(self.last, line.split())

    def _link(self, shown: str, index: int) -> LinkDraft:
        name, _, lower = shown.partition("@")
        link = self.links.setdefault(name or shown, LinkDraft(name or shown, index))
        link.lower = lower or link.lower
        return link

    def _detail(self, link: LinkDraft, words: list[str]) -> bool:
        first = words[0]
        if first in ("inet", "inet6"):
            return self._address(link, words)
        if first.startswith("link/"):
            link.mac = words[1] if len(words) > 1 and is_mac(words[1]) else ""
            link.kind = link.kind or ("loopback" if first == "link/loopback" else "")
            return True
        if first in _KINDS:
            link.kind = first
            return True
        slave = first.endswith("_slave")
        return slave or first in _DETAILS or all(word.isdigit() for word in words)

    def _brief(self, shown: str, state: str, words: list[str]) -> bool:
        link = self.last = self._link(shown, 0)
        link.up, link.carrier = True, state in ("UP", "UNKNOWN", "DORMANT")
        if words and words[-1].startswith("<"):
            link.has_state = True
            link.set_flags(words[-1].strip("<>").split(","))
            link.mac = words[0] if is_mac(words[0]) else ""
            return True
        while words:
            taken = 3 if words[1:2] == ["peer"] else 1
            taken += 2 if words[taken : taken + 1] == ["metric"] else 0
            address = read_address(words[:taken], link.name)
            if address is None:
                return False
            scope = "host" if address.address.is_loopback else "link" if address.address.is_link_local else "global"
            link.addresses.append(replace(address, scope=scope))
            words = words[taken:]
        return True

    def _address(self, link: LinkDraft, words: list[str]) -> bool:
        address = read_address(words[1:], link.name)
        if address is None:
            return False
        link.addresses.append(address)
        return True


def read_address(words: list[str], dev: str) -> InterfaceAddress | None:
    """The words after `inet` or `inet6`: ADDRESS[/LENGTH] [peer P] [brd B] [scope S] flags... [label of `dev`]."""
    try:
        own = parse_prefix(words[0]) if words else None
    except AddressError:
        return None
    if own is None or words[0] == "default":
        return None
    found = InterfaceAddress(own.address, own.length)
    flags: list[str] = []
    rest = iter(words[1:])
    for word in rest:
        if word == "peer":
            peer = _prefix(next(rest, ""))
            found = found if peer is None else replace(found, peer=peer, length=peer.length)
        elif word == "brd":
            found = replace(found, broadcast=_address(next(rest, "")))
        elif word == "scope":
            found = replace(found, scope=named(SCOPES, next(rest, "global")))
        elif word in ("metric", "proto", "any"):
            next(rest, None)
        elif word == "flags":  # BusyBox prints the bits
            flags += address_flags(integer(f"0x{next(rest, '')}", 0xFFFF) or 0)
        elif not (own.version == 4 and (word == dev or word.startswith(f"{dev}:"))):
            flags.append(word)
    return replace(found, flags=tuple(flags))


def _prefix(text: str) -> Prefix | None:
    try:
        return parse_prefix(text)
    except AddressError:
        return None


def _address(text: str) -> Address | None:
    try:
        return parse_address(text)
    except AddressError:
        return None
