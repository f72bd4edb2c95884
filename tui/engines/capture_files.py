"""Captured frames in a file that Wireshark and tcpdump open (pcap, with times in nanoseconds), and back from one."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import BinaryIO

from dpkt import dpkt, pcap

from tui.core.packets import ETHERNET, Frame
from tui.engines.capture_decode import LINUX_SLL2, Sighted, decode

LONGEST = 262144
_TYPES = {"in": 0, "other": 3, "out": 4}


class PcapError(ValueError):
    """A file that is no capture; str() is one sentence."""


class PcapFile:
    """A file to which frames are added as they come. The file is the caller's to open and to close.

    Of one interface the frames are kept as they are. Of several (`many`) each becomes a cooked one
    (LINKTYPE_LINUX_SLL2), which tells by which interface it went and in which direction, as `tcpdump -i any` does.
    """

    def __init__(self, file: BinaryIO, many: bool) -> None:
        self._many = many
        self._writer = pcap.Writer(file, LONGEST, LINUX_SLL2 if many else ETHERNET, nano=True)

    def add(self, frame: Frame) -> None:
        """One more."""
        data = cooked(frame) if self._many else frame.data
        self._writer.writepkt(data, Decimal(frame.time) / 1_000_000_000)


def write(file: BinaryIO, frames: Iterable[Frame]) -> None:
    """All of these frames, as those of one interface where they are."""
    kept = list(frames)
    many = len({(each.node, each.dev) for each in kept}) != 1 or any(each.link != ETHERNET for each in kept)
    to = PcapFile(file, many)
    for each in kept:
        to.add(each)


def cooked(frame: Frame) -> bytes:
    """A frame with the header of LINKTYPE_LINUX_SLL2 in place of its own."""
    if frame.link == LINUX_SLL2:
        return frame.data
    if frame.link == ETHERNET:
        kind, body = frame.data[12:14].rjust(2, b"\0"), frame.data[14:]
        sender = frame.data[6:12]
    else:
        kind, body, sender = struct.pack("!H", 0x86DD if frame.version == 6 else 0x0800), frame.data, b""
    sort = _TYPES.get(frame.direction, 0)
    head = struct.pack("!HIHBB8s", 0, frame.index, 1, sort, len(sender), sender)
    return kind + head + body


def read(file: BinaryIO, node: str = "") -> Iterator[Frame]:
    """The frames of a pcap file; raises PcapError where it is none."""
    try:
        reader = pcap.Reader(file)
        link = reader.datalink()
        for time, data in reader:
            yield decode(data, link, Sighted(int(Decimal(time) * 1_000_000_000), node))
    except (dpkt.Error, ValueError):
        raise PcapError("The file is no capture in the pcap format, or is cut off.") from None
