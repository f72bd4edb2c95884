"""connect: a TCP connection that is opened and closed again, several times, and how each went."""

from __future__ import annotations

import errno
import os
import select
import socket
import time

from tui.engines.prober import wire
from tui.engines.prober.telling import Waiting, milliseconds, say
from tui.engines.prober.tools import Options

_SAYS = {errno.ECONNREFUSED: "refused", errno.ETIMEDOUT: "silent"}


class Connect:
    """Events: start, then `connected` or `failed` (with `says` and the errno) for each try, then end."""

    def __init__(self, asked: Options) -> None:
        self.dst, self.port = asked.text("dst"), asked.whole("port")
        self.count, self.interval = asked.whole("count", 1), asked.number("interval", 1.0)
        self.timeout = asked.number("timeout", 3.0)
        self.source, self.dev = asked.text("source"), asked.text("dev")
        asked.end()
        self.family, self.address = wire.resolved(self.dst, socket.SOCK_STREAM)

    def run(self) -> int:
        """One try after the other."""
        say("start", dst=self.dst, port=self.port)
        done, waiting = 0, Waiting()
        for number in range(1, self.count + 1):
            begun = time.monotonic()
            done += self.once(number)
            if number < self.count:
                waiting.until(begun + self.interval)
        say("end", sent=self.count, received=done)
        return 0 if done else 1

    def once(self, number: int) -> bool:
        """One connection; whether it came about."""
        with socket.socket(self.family, socket.SOCK_STREAM) as sock:
            sock.setblocking(False)
            wire.bind_to(sock, self.family, self.source, self.dev)
            begun = time.monotonic()
            code = sock.connect_ex((self.address[0], self.port, *self.address[2:]))
            if code == errno.EINPROGRESS:
                waiting = Waiting()
                waiting.add(sock.fileno(), select.POLLOUT)
                ready = waiting.until(begun + self.timeout)
                code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) if ready else errno.ETIMEDOUT
            took = milliseconds(time.monotonic() - begun)
            if code == 0:
                here = sock.getsockname()
                say("connected", seq=number, ms=took, src=here[0], sport=here[1])
                return True
        said = {
            "says": _SAYS.get(code, "unreachable"),
            "errno": errno.errorcode.get(code, ""),
            "text": os.strerror(code),
        }
        say("failed", seq=number, ms=took, **said)
        return False


def run(asked: Options) -> int:
    """The tool."""
    return Connect(asked).run()
