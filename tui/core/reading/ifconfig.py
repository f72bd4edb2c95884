"""Interfaces and their addresses as ifconfig prints them: net-tools new and old, and BusyBox."""

from __future__ import annotations

import re
from dataclasses import replace

from tui.core.addresses import AddressError, mask_length, parse_address, parse_prefix
from tui.core.names import integer
from tui.core.reading import LinkReading, lines_of
from tui.core.reading.link_draft import LinkDraft, is_mac, linked
from tui.core.reading.prompts import is_prompt
from tui.core.world import InterfaceAddress

_NEW = re.compile(r"^(\S+): flags=\d+<([^>]*)>\s*(.*)$")
_OLD = re.compile(r"^(\S+)\s+Link encap:(.*)$")
_OLD_FLAGS = re.compile(r"^(?:UP |BROADCAST |LOOPBACK |POINTOPOINT |\[NO FLAGS\])")
_NOTHING = re.compile(
    r"^(?:RX|TX|collisions|device|Interrupt|Base|Memory|DMA|media|options|loop|unspec|tunnel|txqueuelen)"
)
_SCOPES = {"0x0": "global", "0x10": "host", "0x20": "link", "0x40": "site"}


def is_ifconfig(line: str) -> bool:
    """Whether a line begins an interface of ifconfig."""
    return bool(_NEW.match(line) or _OLD.match(line))


def read_ifconfig(text: str) -> LinkReading:
    """Read `ifconfig -a`. RUNNING stands for the carrier; an alias such as eth0:1 is an address of eth0."""
    links: dict[str, LinkDraft] = {}
    unread: list[str] = []
    last: LinkDraft | None = None
    for line in lines_of(text):
        new, old = _NEW.match(line), _OLD.match(line)
        if head := new or old:
            name = head[1].partition(":")[0]
            last = links.setdefault(name, LinkDraft(name, has_state=True))
            if new:
                _flags(last, new[2].split(","), new[3])
            elif (words := head[2].split()) and is_mac(words[-1]):
                last.mac = words[-1]
        elif line.strip() and (last is None or not _detail(last, line.split())) and not is_prompt(line):
            unread.append(line)
    return linked(links, unread)


def _flags(link: LinkDraft, flags: list[str], rest: str) -> None:
    link.set_flags([*flags, *(["LOWER_UP"] if "RUNNING" in flags else ["NO-CARRIER"] if "UP" in flags else [])])
    if mtu := re.search(r"(?:mtu |MTU:)(\d+)", rest, re.IGNORECASE):
        link.mtu = integer(mtu[1], 0xFFFFFFFF)


def _detail(link: LinkDraft, words: list[str]) -> bool:
    line = " ".join(words)
    if words[0] in ("inet", "inet6"):
        address = _address(line.replace("addr: ", "addr:"))
        if address is not None:
            link.addresses.append(address)
        return address is not None
    if words[0] == "ether" and len(words) > 1 and is_mac(words[1]):
        link.mac = words[1]
        return True
    if _OLD_FLAGS.match(line):
        _flags(link, words, line)
        return True
    return bool(_NOTHING.match(line))


def _address(line: str) -> InterfaceAddress | None:
    """`inet A netmask M broadcast B`, `inet addr:A Bcast:B Mask:M`, `inet6 A prefixlen N scopeid S<..>` and so on."""
    said = dict(re.findall(r"(inet6?|netmask|broadcast|destination|prefixlen|scopeid)\s+(?!addr:)([^\s<]+)", line))
    said |= dict(re.findall(r"(addr|Bcast|P-t-P|Mask|Scope):\s*(\S+)", line))
    own = said.get("addr") or said.get("inet") or said.get("inet6", "")
    mask, broadcast = said.get("netmask") or said.get("Mask"), said.get("broadcast") or said.get("Bcast")
    peer = said.get("destination") or said.get("P-t-P")
    try:
        prefix = parse_prefix(f"{own}/{said['prefixlen']}" if "prefixlen" in said else own)
        length = prefix.length if mask is None else mask_length(mask)
        if length is None:
            return None
        scope = said.get("Scope", "").lower() or _SCOPES.get(said.get("scopeid", ""), "")
        found = InterfaceAddress(prefix.address, length, scope or ("host" if prefix.address.is_loopback else "global"))
        if broadcast and parse_address(broadcast).value:
            found = replace(found, broadcast=parse_address(broadcast))
        return replace(found, peer=parse_prefix(peer)) if peer and parse_address(peer) != prefix.address else found
    except AddressError:
        return None
