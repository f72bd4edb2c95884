"""An interface in the making, whatever form it was printed in, and the listing that it belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from tui.core.names import integer
from tui.core.reading import LinkReading
from tui.core.world import Interface, InterfaceAddress

_MAC = re.compile(r"^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$", re.IGNORECASE)
_LOWER = re.compile(r"^if(\d+)$")


def is_mac(text: str) -> bool:
    """Whether a text is a hardware address of six octets."""
    return bool(_MAC.match(text))


@dataclass(slots=True)
class LinkDraft:
    """What a listing told of one interface. `lower` is what stands after @; `has_state` whether flags were printed."""

    name: str
    index: int = 0
    mac: str = ""
    addresses: list[InterfaceAddress] = field(default_factory=list)
    kind: str = ""
    up: bool = True
    carrier: bool = True
    mtu: int | None = None
    master: str | None = None
    lower: str = ""
    has_state: bool = False

    def set_flags(self, flags: Iterable[str]) -> None:
        """Take up and carrier from IFF_* words. A kernel that prints neither LOWER_UP nor its lack has a signal."""
        words = set(flags)
        self.up = "UP" in words
        said = "LOWER_UP" in words or (self.up and "M-DOWN" not in words)
        self.carrier = said and "NO-CARRIER" not in words
        if "LOOPBACK" in words:
            self.kind = "loopback"

    def set_words(self, words: Sequence[str]) -> None:
        """Take mtu and master from the pairs of words after the flags."""
        for word, value in pairwise(words):
            if word == "mtu":
                self.mtu = integer(value, 0xFFFFFFFF)
            elif word == "master":
                self.master = value


def linked(links: Mapping[str, LinkDraft], unread: Iterable[str]) -> LinkReading:
    """The listing as a reading; two devices that name each other after @ are a veth pair."""
    interfaces = tuple(_interface(each, links) for each in links.values())
    told = {
        "links": any(each.has_state for each in links.values()),
        "addresses": any(each.addresses for each in links.values()),
    }
    return LinkReading(interfaces, tuple(unread), tuple(topic for topic in ("addresses", "links") if told[topic]))


def _interface(link: LinkDraft, links: Mapping[str, LinkDraft]) -> Interface:
    number = _LOWER.match(link.lower)
    other = links.get(link.lower)
    pair = other is not None and other.lower == link.name
    peer = int(number[1]) if number else (other.index or None) if other is not None and pair else None
    kind = link.kind or ("veth" if pair else "")
    return Interface(
        name=link.name,
        index=link.index,
        mac=link.mac.lower(),
        addresses=tuple(link.addresses),
        kind=kind,
        up=link.up,
        carrier=link.carrier,
        mtu=link.mtu,
        master=link.master,
        peer_index=peer if kind in ("", "veth") else None,
    )
