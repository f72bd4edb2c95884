"""traceroute: probes whose hop limit grows, by ICMP, UDP or TCP, several at once; who answers for each."""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from dataclasses import dataclass

from tui.engines.prober import wire
from tui.engines.prober.telling import Told, Waiting, milliseconds, say
from tui.engines.prober.tools import Options

AT_ONCE = 15
FIRST_PORT = 33434
"""traceroute(8): the port of the first UDP probe, where nobody is expected to listen."""


@dataclass(slots=True)
class Probe:
    """One packet on its way. `key` is what an error about it quotes."""

    ttl: int
    number: int
    at: float
    key: tuple[int, int]
    sock: socket.socket | None = None


class Trace:
    """Events: start, then hop, silent or unsent for each probe, then end. `mode` is icmp, udp or tcp."""

    def __init__(self, asked: Options) -> None:
        self.dst, self.mode = asked.text("dst"), asked.text("mode", "udp")
        self.first, self.last = asked.whole("first", 1), asked.whole("max", 30)
        self.queries, self.timeout = asked.whole("queries", 3), asked.number("timeout", 1.0)
        self.port = asked.whole("port") or (80 if self.mode == "tcp" else FIRST_PORT)
        self.source, self.dev = asked.text("source"), asked.text("dev")
        self.ident = asked.whole("id") or (os.getpid() & 0xFFFF) or 1
        asked.end()
        if self.mode not in ("icmp", "udp", "tcp"):
            raise ValueError(f"mode is icmp, udp or tcp, not {self.mode}")
        self.family, self.address = wire.resolved(self.dst)
        self.version = wire.version_of(self.family)
        self.heard = wire.raw_socket(self.family)
        self.waiting = Waiting(self.heard.fileno())
        self.flying: dict[tuple[int, int], Probe] = {}
        self.over: int | None = None  # the ttl at which somebody said that it goes no further
        self.reached: int | None = None
        self.serial = 0
        self.udp: socket.socket | None = None

    def run(self) -> int:
        """Send in the order of ttl, a few at once, until one has got there and all before it are told."""
        try:
            chosen = wire.source_for(self.family, self.address, self.source, self.dev)
        except OSError as error:
            self.refuse(error)
        self.source = self.source or chosen
        say("start", dst=self.dst, src=self.source, mode=self.mode, max=self.last, queries=self.queries)
        wire.bind_to(self.heard, self.family, "", self.dev)
        todo = [(ttl, number) for ttl in range(self.first, self.last + 1) for number in range(1, self.queries + 1)]
        while todo or self.flying:
            while todo and len(self.flying) < AT_ONCE:
                ttl, number = todo.pop(0)
                self.send(ttl, number)
            self.listen()
            if self.over is not None:
                todo = [each for each in todo if each[0] <= self.over]
                for probe in [each for each in self.flying.values() if each.ttl > self.over]:
                    self.forget(probe)
        say("end", reached=self.reached)
        return 0 if self.reached is not None else 1

    def refuse(self, error: OSError) -> None:
        """The kernel here has no way: nothing more is tried."""
        say("refused", errno=errno.errorcode.get(error.errno or 0, ""), text=error.strerror, at="connect")
        raise Told from None

    def send(self, ttl: int, number: int) -> None:
        """One probe. The socket is bound to the source chosen, so that each is looked up alike."""
        try:
            probe = {"icmp": self.by_icmp, "udp": self.by_udp, "tcp": self.by_tcp}[self.mode](ttl, number)
        except OSError as error:
            if error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EINVAL, errno.EPERM, errno.EACCES):
                self.refuse(error)
            raise
        self.flying[probe.key] = probe
        self.serial += 1

    def by_icmp(self, ttl: int, number: int) -> Probe:
        """An echo request; its sequence number tells it."""
        wire.set_ttl(self.heard, self.family, ttl)
        packet = wire.echo_request(self.version, self.ident, self.serial + 1, bytes(32))
        at = time.monotonic()
        self.heard.sendto(packet, self.address)
        return Probe(ttl, number, at, (self.ident, self.serial + 1))

    def by_udp(self, ttl: int, number: int) -> Probe:
        """A datagram to a port of its own."""
        if self.udp is None:
            self.udp = socket.socket(self.family, socket.SOCK_DGRAM)
            wire.bind_to(self.udp, self.family, self.source, self.dev)
            if not self.udp.getsockname()[1]:
                self.udp.bind(("", 0))
        port = self.port + self.serial
        wire.set_ttl(self.udp, self.family, ttl)
        at = time.monotonic()
        self.udp.sendto(bytes(32), (self.address[0], port, *self.address[2:]))
        return Probe(ttl, number, at, (self.udp.getsockname()[1], port))

    def by_tcp(self, ttl: int, number: int) -> Probe:
        """A connect that is not waited for; its own port tells it."""
        sock = socket.socket(self.family, socket.SOCK_STREAM)
        sock.setblocking(False)
        wire.bind_to(sock, self.family, self.source, self.dev)
        wire.set_ttl(sock, self.family, ttl)
        at = time.monotonic()
        code = sock.connect_ex((self.address[0], self.port, *self.address[2:]))
        if code not in (0, errno.EINPROGRESS):
            sock.close()
            raise OSError(code, os.strerror(code))
        self.waiting.add(sock.fileno(), select.POLLOUT)
        return Probe(ttl, number, at, (sock.getsockname()[1], self.port), sock)

    def listen(self) -> None:
        """What comes next, or the end of somebody's time."""
        deadline = min(each.at for each in self.flying.values()) + self.timeout
        ready = self.waiting.until(deadline)
        if self.heard.fileno() in ready:  # errors first: they name who sent them, a socket only that there was one
            while Waiting(self.heard.fileno()).until(0):
                self.hear()
        for probe in [each for each in self.flying.values() if each.sock is not None and each.sock.fileno() in ready]:
            self.connected(probe)
        now = time.monotonic()
        for probe in [each for each in self.flying.values() if now >= each.at + self.timeout]:
            say("silent", ttl=probe.ttl, probe=probe.number)
            self.forget(probe)

    def hear(self) -> None:
        """An ICMP message that may be about one of the probes."""
        found = wire.receive(self.heard, self.family)
        if found is None:
            return
        protocols = {"icmp": (wire.ICMP, wire.ICMP6), "udp": (17,), "tcp": (6,)}[self.mode]
        if found.proto not in protocols:
            return
        key = wire.echo_of(found.quoted) if self.mode == "icmp" else wire.ports(found.quoted)
        probe = self.flying.get(key)
        if probe is not None and found.target in ("", str(self.address[0]).partition("%")[0]):
            self.tell(probe, found.source, found.says, found.ttl)

    def connected(self, probe: Probe) -> None:
        """A TCP probe that was answered by its target: open or closed; other errors were told by who sent them."""
        assert probe.sock is not None
        code = probe.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code in (0, errno.ECONNREFUSED):
            self.tell(probe, str(self.address[0]), "open" if code == 0 else "closed", None)
        else:
            self.waiting.drop(probe.sock.fileno())
            probe.sock.close()
            probe.sock = None

    def tell(self, probe: Probe, source: str, says: str, ttl: int | None) -> None:
        """The line of one probe."""
        if self.over is not None and probe.ttl > self.over:
            self.forget(probe)
            return
        took = milliseconds(time.monotonic() - probe.at)
        say("hop", **{"ttl": probe.ttl, "probe": probe.number, "from": source, "ms": took, "says": says, "back": ttl})
        if says != "time exceeded":
            self.over = min(probe.ttl, self.over or probe.ttl)
            if source == str(self.address[0]).partition("%")[0]:
                self.reached = min(probe.ttl, self.reached or probe.ttl)
        self.forget(probe)

    def forget(self, probe: Probe) -> None:
        """It needs no more attention."""
        self.flying.pop(probe.key, None)
        if probe.sock is not None:
            self.waiting.drop(probe.sock.fileno())
            probe.sock.close()
            probe.sock = None


def run(asked: Options) -> int:
    """The tool."""
    return Trace(asked).run()
