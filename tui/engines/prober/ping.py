"""ping: echo requests by a raw socket, and what becomes of each."""

from __future__ import annotations

import errno
import os
import time

from tui.engines.prober import wire
from tui.engines.prober.telling import Told, Waiting, milliseconds, say
from tui.engines.prober.tools import Options

LEAST = 16
"""The payload holds a token of 8 bytes, by which a packet is known again whatever translates its addresses."""


class Ping:
    """One ping and its count. Events: start, then reply, error, silent or unsent for each seq, then end."""

    def __init__(self, asked: Options) -> None:
        self.dst = asked.text("dst")
        self.count = asked.whole("count", 4)
        self.interval = asked.number("interval", 1.0)
        self.timeout = asked.number("timeout", 1.0)
        self.ident = asked.whole("id") or (os.getpid() & 0xFFFF) or 1
        self.source, self.dev = asked.text("source"), asked.text("dev")
        ttl, size = asked.whole("ttl", 64), asked.whole("size", 56)
        self.token = bytes.fromhex(asked.text("token")) or os.urandom(8)
        asked.end()
        self.payload = (self.token + bytes(range(256)) * (size // 256 + 1))[: max(size, LEAST)]
        self.family, self.address = wire.resolved(self.dst)
        self.version = wire.version_of(self.family)
        self.sock = wire.raw_socket(self.family)
        wire.bind_to(self.sock, self.family, self.source, self.dev)
        wire.set_ttl(self.sock, self.family, ttl)
        self.sent: dict[int, float] = {}
        self.answered: set[int] = set()
        self.over: set[int] = set()

    def run(self) -> int:
        """Send, and listen until the last has had its time."""
        chosen = self.connected()
        say("start", dst=self.dst, src=chosen, id=self.ident, token=self.token.hex(), size=len(self.payload))
        waiting = Waiting(self.sock.fileno())
        due, seq = time.monotonic(), 0
        while len(self.over) < self.count:
            now = time.monotonic()
            if seq < self.count and now >= due:
                seq += 1
                self.send(seq)
                due += self.interval
            self.expire(now)
            for _ in waiting.until(self.next_event(due if seq < self.count else None)):
                while self.hear():
                    pass
        say("end", sent=len(self.sent), received=len(self.answered))
        return 0 if self.answered else 1

    def connected(self) -> str:
        """The source that a socket is given, as ping asks for it first: here a route that refuses shows itself."""
        try:
            return wire.source_for(self.family, self.address, self.source, self.dev)
        except OSError as error:
            say("refused", errno=errno.errorcode.get(error.errno or 0, ""), text=error.strerror, at="connect")
            raise Told from None

    def next_event(self, due: float | None) -> float:
        """When something has to be done even if nothing is heard."""
        times = [at + self.timeout for seq, at in self.sent.items() if seq not in self.over]
        return min(times + ([due] if due is not None else []), default=time.monotonic())

    def send(self, seq: int) -> None:
        """One request. What the kernel refuses is told and does not end the ping."""
        packet = wire.echo_request(self.version, self.ident, seq & 0xFFFF, self.payload)
        self.sent[seq] = time.monotonic()
        try:
            self.sock.sendto(packet, self.address)
        except OSError as error:
            self.over.add(seq)
            say("unsent", seq=seq, errno=errno.errorcode.get(error.errno or 0, ""), text=error.strerror)

    def expire(self, now: float) -> None:
        """Tell of those for which nothing came in time."""
        for seq, at in self.sent.items():
            if seq not in self.over and now >= at + self.timeout:
                self.over.add(seq)
                say("silent", seq=seq)

    def hear(self) -> bool:
        """One message; whether there was any."""
        found = wire.receive(self.sock, self.family)
        if found is None:
            return self.more()
        ident, seq = wire.echo_of(found.quoted)
        at = next((time_ for each, time_ in self.sent.items() if each & 0xFFFF == seq), None)
        if ident != self.ident or at is None or found.proto not in (wire.ICMP, wire.ICMP6):
            return True
        if found.says != "reply" and found.target and found.target != str(self.address[0]).partition("%")[0]:
            return True
        number = next(each for each in self.sent if each & 0xFFFF == seq)
        took = milliseconds(time.monotonic() - at)
        if found.says == "reply":
            if found.quoted[8:16] != self.token:
                return True  # another ping's, with the same identifier
            known = {"from": found.source, "seq": number, "ttl": found.ttl, "ms": took, "bytes": len(found.quoted)}
            say("reply", **known, duplicate=number in self.answered)
            self.answered.add(number)
        else:
            said = {"from": found.source, "seq": number, "says": found.says, "type": found.type, "code": found.code}
            say("error", **said, ms=took)
        self.over.add(number)
        return True

    def more(self) -> bool:
        """Whether a message that was of no use may be followed by another."""
        return bool(Waiting(self.sock.fileno()).until(0))


def run(asked: Options) -> int:
    """The tool."""
    return Ping(asked).run()
