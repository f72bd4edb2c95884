"""capture: what one interface sees, or all of them, by a packet socket (packet(7)), with the kernel's times."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import socket
import struct
import time

from tui.engines.prober.telling import Waiting, say
from tui.engines.prober.tools import Options

ETH_P_ALL = 3
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_STATISTICS, PACKET_AUXDATA = 263, 1, 6, 8
PACKET_MR_PROMISC = 1
SO_ATTACH_FILTER, SO_RCVBUFFORCE, SO_TIMESTAMPNS = 26, 33, 35
TP_STATUS_VLAN_VALID, TP_STATUS_VLAN_TPID_VALID = 0x10, 0x40
ETHER_TYPES = (1, 772)  # ARPHRD_ETHER, ARPHRD_LOOPBACK: their frames begin with an Ethernet header
DIRECTIONS = {0: "in", 1: "in", 2: "in", 3: "other", 4: "out"}
"""sll_pkttype: to us, broadcast, multicast, to somebody else, sent by us."""


class Capture:
    """Events: ready (from then on every frame is seen), packet for each, then end with what was lost."""

    def __init__(self, asked: Options) -> None:
        self.dev = asked.text("dev", "any")
        self.count, self.seconds = asked.whole("count"), asked.number("seconds")
        self.snaplen = asked.whole("snaplen", 262144)
        promiscuous, program = asked.whole("promiscuous", 1), asked.text("bpf")
        asked.end()
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.sock.setblocking(False)
        for option in (SO_RCVBUFFORCE, socket.SO_RCVBUF):
            with contextlib.suppress(OSError):
                self.sock.setsockopt(socket.SOL_SOCKET, option, 1 << 23)
                break
        self.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        if program:
            attach(self.sock, bytes.fromhex(program))
        # With protocol 0 the socket saw nothing yet: no frame passes the filter or the choice of interface.
        index = 0 if self.dev == "any" else index_of(self.dev)
        bind(self.sock, index)
        if promiscuous and self.dev != "any":
            asks = struct.pack("=iHH8s", index, PACKET_MR_PROMISC, 0, b"")
            with contextlib.suppress(OSError):
                self.sock.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, asks)
        self.seen = 0

    def run(self) -> int:
        """Tell of frames until there were enough, or time is up."""
        deadline = time.monotonic() + self.seconds if self.seconds else float("inf")
        say("ready", dev=self.dev, interfaces={name: index for index, name in socket.if_nameindex()})
        waiting = Waiting(self.sock.fileno())
        while not self.full() and (self.seconds == 0 or time.monotonic() < deadline):
            if waiting.until(min(deadline, time.monotonic() + 3600)):
                self.drain()
        received, dropped = struct.unpack("II", self.sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        say("end", seen=self.seen, received=received, dropped=dropped)
        return 0 if self.seen else 1

    def full(self) -> bool:
        """Whether as many as were wanted have come."""
        return 0 < self.count <= self.seen

    def drain(self) -> None:
        """All frames that wait."""
        while not self.full():
            try:
                data, ancillary, _flags, address = self.sock.recvmsg(self.snaplen, 256)
            except BlockingIOError:
                return
            except OSError:  # the interface went down, or away: what is there is still told
                return
            self.tell(data, ancillary, address)

    def tell(self, data: bytes, ancillary: list[tuple[int, int, bytes]], address: tuple[str, int, int, int]) -> None:
        """The line of one frame; its time is nanoseconds since 1970."""
        dev, protocol, kind, hardware = address[:4]
        at, length = time.time_ns(), len(data)
        for level, number, value in ancillary:
            if level == socket.SOL_SOCKET and number == SO_TIMESTAMPNS:
                seconds, nanoseconds = struct.unpack("qq", value[:16])
                at = seconds * 1_000_000_000 + nanoseconds
            elif level == SOL_PACKET and number == PACKET_AUXDATA:
                status, length, _snap, _mac, _net, tag, tag_type = struct.unpack("IIIHHHH", value[:20])
                if status & TP_STATUS_VLAN_VALID and hardware in ETHER_TYPES:
                    # The tag was taken out of the frame: it is put back where it was (as libpcap does).
                    ether_type = tag_type if status & TP_STATUS_VLAN_TPID_VALID else 0x8100
                    data, length = data[:12] + struct.pack("!HH", ether_type, tag) + data[12:], length + 4
        self.seen += 1
        fields = {"time": at, "dev": dev, "direction": DIRECTIONS.get(kind, "other"), "type": kind}
        say("packet", **fields, hardware=hardware, protocol=protocol, length=length, data=data.hex())


def index_of(dev: str) -> int:
    """The number of an interface; OSError with a number of its own where there is none."""
    try:
        return socket.if_nametoindex(dev)
    except OSError:
        raise OSError(errno.ENODEV, f"no interface named {dev}") from None


def bind(sock: socket.socket, index: int) -> None:
    """Hear everything from an interface, of all of them for 0, which bind() of Python does not know (sockaddr_ll)."""
    where = struct.pack("=HHiHBB8s", socket.AF_PACKET, socket.htons(ETH_P_ALL), index, 0, 0, 0, b"")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.bind(sock.fileno(), where, len(where)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def attach(sock: socket.socket, program: bytes) -> None:
    """A filter of classic BPF (linux/filter.h: sock_filter, 8 bytes each) that the kernel asks about every frame."""
    held = ctypes.create_string_buffer(program, len(program))
    fprog = struct.pack("HP", len(program) // 8, ctypes.addressof(held))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, fprog)


def run(asked: Options) -> int:
    """The tool."""
    return Capture(asked).run()
