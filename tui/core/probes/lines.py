"""What the readers of a probe's lines share: how they are asked, what they keep unread, how an address is written."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from tui.core.addresses import Address, AddressError, parse_address
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
