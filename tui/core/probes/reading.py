"""Lines of a probe's tool read as they come, by the reader that fits the probe."""

from __future__ import annotations

from collections.abc import Iterable

from tui.core.probes import Ping, Probe, TcpConnect
from tui.core.probes.connect_lines import ConnectReader
from tui.core.probes.dialects import Dialect
from tui.core.probes.lines import Reader
from tui.core.probes.own_lines import own_reader
from tui.core.probes.ping_lines import PingReader
from tui.core.probes.results import Result
from tui.core.probes.trace_lines import TraceReader


def reader(probe: Probe, dialect: Dialect | None = None) -> Reader:
    """A new reader for what the tool of `dialect` prints about a probe; None: any of them."""
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
