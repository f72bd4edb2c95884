"""Lines of a probe's tool read as they come: what every reader keeps of them, and the one that fits a probe."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Protocol

from tui.core.addresses import Address, AddressError, parse_address
from tui.core.probes import Ping, Probe, TcpConnect
from tui.core.probes.dialects import Dialect
from tui.core.probes.results import KEPT, Event, Result, Unread

LONGEST = 500
"""How much is kept of a line that nobody understood."""


class Reader(Protocol):
    """Takes the lines of one run, in order; tells what each says, and at any time what was found so far."""

    def feed(self, line: str) -> tuple[Event, ...]:
        """What one line says. A line that is not understood is an Unread event; headings and blanks say nothing."""
        ...

    def end(self, code: int | None = None) -> tuple[Event, ...]:
        """The tool has ended with that exit code (None: it was stopped); what this says in itself."""
        ...

    def result(self) -> Result:
        """What was found so far."""
        ...


def reader(probe: Probe, dialect: Dialect | None = None) -> Reader:
    """A new reader for what the tool of `dialect` prints about a probe; None: any of them."""
    from tui.core.probes.connect_lines import ConnectReader
    from tui.core.probes.own_lines import own_reader
    from tui.core.probes.ping_lines import PingReader
    from tui.core.probes.trace_lines import TraceReader

    if dialect is Dialect.OWN:
        return own_reader(probe)
    if isinstance(probe, Ping):
        return PingReader(deaf=dialect is Dialect.BUSYBOX)
    if isinstance(probe, TcpConnect):
        return ConnectReader()
    return TraceReader(probe.target)


def read(probe: Probe, lines: Iterable[str], dialect: Dialect | None = None, code: int | None = None) -> Result:
    """The result of a run that is over, from all its lines."""
    reading = reader(probe, dialect)
    for line in lines:
        reading.feed(line)
    reading.end(code)
    return reading.result()


class Leftovers:
    """The lines that nobody understood: the latest of them, and how many there were."""

    def __init__(self) -> None:
        self.count = 0
        self._lines: deque[str] = deque(maxlen=KEPT)

    def keep(self, line: str) -> Unread:
        """Keep one, cut where it is very long."""
        line = line if len(line) <= LONGEST else f"{line[:LONGEST]}…"
        self.count += 1
        self._lines.append(line)
        return Unread(line)

    @property
    def lines(self) -> tuple[str, ...]:
        """The latest."""
        return tuple(self._lines)


def address_in(text: str) -> Address | None:
    """The address in "10.0.0.1", "name (10.0.0.1)", "name(fd00::1)" or "fe80::1%eth0"; None where there is none."""
    inner = text.rpartition("(")[2].rstrip(")") if text.endswith(")") else text
    try:
        return parse_address(inner.partition("%")[0])
    except AddressError:
        return None
