"""What the tools print that open a TCP connection: OpenBSD's and the traditional netcat, BusyBox nc, and bash."""

from __future__ import annotations

import re

from tui.core.probes.lines import Leftovers
from tui.core.probes.results import Connection, ConnectResult, Event

_SIGNS = (
    (re.compile(r"succeeded!|\) open$"), Connection.CONNECTED),
    (re.compile(r"Connection refused"), Connection.REFUSED),
    (re.compile(r"timed out"), Connection.TIMED_OUT),
    (
        re.compile(r"No route to host|Network is unreachable|Invalid argument|Cannot assign requested address"),
        Connection.UNREACHABLE,
    ),
    (re.compile(r"Permission denied|Operation not permitted"), Connection.PROHIBITED),
)
_SILENT = {0: Connection.CONNECTED, 124: Connection.TIMED_OUT, 143: Connection.TIMED_OUT}
"""What the exit code alone says: nc of BusyBox and bash are silent where it works, timeout(1) when it ends them."""


class ConnectReader:
    """A Reader for a TCP connect."""

    def __init__(self) -> None:
        self._left = Leftovers()
        self._state = Connection.UNKNOWN
        self._text = ""
        self._ended = False

    def feed(self, line: str) -> tuple[Event, ...]:
        """What one line says; see Reader. bash says the same in two lines."""
        text = line.strip()
        if not text:
            return ()
        for sign, state in _SIGNS:
            if found := sign.search(text):
                first = self._state is Connection.UNKNOWN
                if first:
                    self._state, self._text = state, found[0].lstrip(") ")
                return (self.result(),) if first else ()
        return (self._left.keep(line),)

    def end(self, code: int | None = None) -> tuple[Event, ...]:
        """The tool has ended."""
        self._ended = True
        if self._state is Connection.UNKNOWN and code in _SILENT:
            self._state = _SILENT[code]
            return (self.result(),)
        return ()

    def result(self) -> ConnectResult:
        """What was found so far."""
        left = self._left
        return ConnectResult(self._state, None, self._text, left.lines, left.count, self._ended)
