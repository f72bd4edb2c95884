"""The simulator's wire: packets that a prediction says would pass are handed to whoever captures there."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator

from dpkt import ethernet, icmp, icmp6, ip, ip6

from tui.core.addresses import WIDTH, Address
from tui.core.follow import Asked, Flight, Kind, Sighting
from tui.core.follow.imagined import flights_of
from tui.core.packets import ETHERNET, Frame
from tui.core.packets.filter import Filter
from tui.core.path.hops import Path
from tui.core.probes import ANY, Capture
from tui.core.world import World
from tui.engines.capture_decode import Sighted, decode

STEP = 10_000
"""Nanoseconds between one imagined sighting and the next."""
_DATA = bytes(range(8, 56))


class Wire:
    """The captures that are open in a simulator."""

    def __init__(self) -> None:
        self._open: list[SimulatedCapture] = []
        self._lock = threading.Lock()

    def capture(self, node: str, asked: Capture, wanted: Filter) -> SimulatedCapture:
        """Begin to listen on a node."""
        made = SimulatedCapture(node, asked, wanted)
        with self._lock:
            self._open = [*(each for each in self._open if not each.over), made]
        return made

    def carry(self, world: World, path: Path, asked: Asked) -> None:
        """Let the packets of a ping pass, as the path has them."""
        with self._lock:
            listening = [each for each in self._open if not each.over]
        if not listening:
            return
        at = time.time_ns()
        for seq in range(1, asked.count + 1):
            for frame in frames(world, path, seq, asked, at):
                at = frame.time + STEP
                for each in listening:
                    each.hear(frame)

    def close(self) -> None:
        """End every capture."""
        with self._lock:
            for each in self._open:
                each.close()


class SimulatedCapture:
    """A Capturing (see tui.engines.capture) of what the simulator imagines."""

    def __init__(self, node: str, asked: Capture, wanted: Filter) -> None:
        self.argv = ("simulated", "capture", node)
        self.how = "simulated: only packets of probes in this simulator pass"
        self.problem = ""
        self.lost = 0
        self.local = True
        self.over = False
        self._node, self._asked, self._wanted = node, asked, wanted
        self._deadline = time.monotonic() + asked.seconds
        self._frames: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()

    def hear(self, frame: Frame) -> None:
        """A frame passes somewhere."""
        here = frame.node == self._node and self._asked.dev in (ANY, frame.dev)
        if here and self._wanted.passes(frame):
            self._frames.put(frame)

    def __iter__(self) -> Iterator[Frame]:
        """The frames; see Capturing."""
        count = 0
        while not self.over and count < self._asked.count:
            try:
                frame = self._frames.get(timeout=max(0.0, self._deadline - time.monotonic()))
            except queue.Empty:
                break
            if frame is None:
                break
            count += 1
            yield frame
        self.over = True

    def close(self) -> None:
        """End it."""
        self.over = True
        self._frames.put(None)


def frames(world: World, path: Path, seq: int, asked: Asked, at: int) -> Iterator[Frame]:
    """The frames of one round as each interface would see them, from the time `at` on."""
    for flight in flights_of(world, path.branches[0], seq):
        for each in flight.sightings:
            if each.src is None or each.dst is None:
                continue
            found = world.node(each.node)
            interface = found.interface(each.dev) if found is not None else None
            index = interface.index if interface is not None else 0
            yield decode(
                _bytes(flight, each, asked), ETHERNET, Sighted(at, each.node, each.dev, each.direction, 0, index)
            )
            at += STEP


def _bytes(flight: Flight, each: Sighting, asked: Asked) -> bytes:
    """A frame as it would be on the wire."""
    assert each.src is not None and each.dst is not None
    request, data = flight.kind is Kind.REQUEST, asked.token.ljust(8, b"\0") + _DATA
    echo = {"id": asked.id or 1, "seq": flight.seq, "data": data}
    src, dst, ttl = _packed(each.src), _packed(each.dst), each.ttl or 64
    if each.dst.version == 4:
        said = icmp.ICMP(type=8 if request else 0, data=icmp.ICMP.Echo(**echo))
        kind, packet = 0x0800, ip.IP(src=src, dst=dst, p=1, ttl=ttl, data=said)
    else:
        said = icmp6.ICMP6(type=128 if request else 129, data=icmp6.ICMP6.Echo(**echo))
        kind, packet = 0x86DD, ip6.IP6(src=src, dst=dst, nxt=58, p=58, hlim=ttl, plen=len(said), data=said)
    return bytes(ethernet.Ethernet(src=_mac(each.src_mac), dst=_mac(each.dst_mac), type=kind, data=packet))


def _packed(address: Address) -> bytes:
    return address.value.to_bytes(WIDTH[address.version] // 8)


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", "")) if text else bytes(6)
