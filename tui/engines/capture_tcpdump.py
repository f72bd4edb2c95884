"""A capture by the tcpdump that a container has itself: what it writes is a stream of pcap, which dpkt reads."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tui.core.packets import Frame
from tui.core.probes import ANY, Capture
from tui.core.world import Node
from tui.engines.base import EngineError, RawRun, Streams
from tui.engines.capture_decode import LINUX_SLL, LINUX_SLL2, Sighted, decode


class TcpdumpCapture:
    """A Capturing by the node's own tcpdump, whose pcap stream (tcpdump -w -) is read as it comes."""

    def __init__(self, engine: Streams, asked: Capture, node: Node, why: str = "") -> None:
        """Wait until it is ready. Raises EngineError where the node has no tcpdump, or may not use it.

        `why` says why nothing better was at hand.
        """
        command = [
            "tcpdump",
            "-U",
            "--immediate-mode",
            "-n",
            "-w",
            "-",
            "-i",
            asked.dev,
            "-c",
            str(asked.count),
            asked.filter,
        ]
        self.argv = tuple(word for word in command if word)
        self.how = f"by the tcpdump of {node.name}, through docker exec"
        self.problem = ""
        self.lost = 0
        self.local = False
        self._node = node.name
        self._devices = {each.index: each.name for each in node.interfaces}
        self._dev = "" if asked.dev == ANY else asked.dev
        self._closed = False
        self._run = engine.stream(node.name, self.argv)
        self._timer = threading.Timer(asked.seconds, self._run.close)
        self._timer.daemon = True
        self._timer.start()
        try:
            self._reader = _pcap(_Stream(self._run))  # the file's header is written when tcpdump listens
        except ValueError:
            self.close()
            raise EngineError(_no_tcpdump(node.name, self._run, why)) from None

    def __iter__(self) -> Iterator[Frame]:
        """The frames; see Capturing."""
        link = self._reader.datalink()
        with contextlib.suppress(ValueError):  # it was ended in the middle of a frame
            for time, data in self._reader:
                frame = decode(data, link, Sighted(round(time * 1_000_000) * 1000, self._node, self._dev))
                yield _named(frame, self._devices) if link in (LINUX_SLL, LINUX_SLL2) else frame
        self._timer.cancel()
        if not self._closed and self._run.code not in (0, None, 143, 137):
            self.problem = f"tcpdump of {self._node}: {' '.join(self._run.said[-1:])}"

    def close(self) -> None:
        """End it."""
        self._closed = True
        self._timer.cancel()
        self._run.close()


def _named(frame: Frame, devices: dict[int, str]) -> Frame:
    """A frame of a capture on all interfaces, which has the number of its own in place of its name."""
    return replace(frame, dev=devices.get(frame.index, f"#{frame.index}" if frame.index else ""))


def _no_tcpdump(node: str, run: RawRun, why: str) -> str:
    said = " ".join(run.said[-1:])
    if "There is no" in said or run.code == 127:
        return f"Nothing can be captured on {node}: {why}, and it has no tcpdump of its own."
    if "permission" in said.lower():
        return f"Nothing can be captured on {node}: {why}, and its tcpdump may not (the container needs CAP_NET_RAW)."
    return f"Nothing can be captured on {node}: {why}, and its tcpdump says: {said or 'nothing'}."


def _pcap(stream: _Stream) -> Any:
    """A reader of what tcpdump writes; raises ValueError where it is no such thing."""
    from dpkt import dpkt, pcap

    try:
        return pcap.Reader(stream)
    except dpkt.Error:
        raise ValueError from None


class _Stream:
    """Pieces of bytes as a file that is read from front to end."""

    def __init__(self, run: RawRun) -> None:
        self._pieces = iter(run)
        self._rest = b""

    def read(self, size: int) -> bytes:
        """So many bytes; fewer at the end: where that is within a frame, ValueError."""
        parts = [self._rest]
        have = len(self._rest)
        while have < size:
            piece = next(self._pieces, b"")
            if not piece:
                break
            parts.append(piece)
            have += len(piece)
        found = b"".join(parts)
        self._rest = found[size:]
        if 0 < len(found) < size:
            raise ValueError("cut off")
        return found[:size]
