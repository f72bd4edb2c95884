"""What reading a text gives: the values found and, word for word, the lines that were not understood.

Every reader of the core takes text as a program printed it, never raises on what it holds, and loses nothing: a line
that is not blank is a value, a header or a prompt that carries none, or one of `unread`.
"""

from __future__ import annotations

from dataclasses import dataclass

from tui.core.text import clean
from tui.core.world import Interface, Route, Rule


@dataclass(frozen=True, slots=True)
class Reading:
    """Routes in the order in which they stood.

    `form` names what the text was: ip route, ip -j route, route -n, /proc/net/route, ... `merged` is what
    /proc/net/fib_trie tells of the local and main tables (Node.merged); None everywhere else. `notes` are sentences:
    what this form cannot say about these routes, and how they were read therefore.
    """

    routes: tuple[Route, ...] = ()
    unread: tuple[str, ...] = ()
    form: str = ""
    merged: bool | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleReading:
    """Policy rules of one family (4 or 6) in the order in which they stood, which is the kernel's.

    `sure` is False where neither the caller nor an address told the family, and the list's shape had to.
    """

    rules: tuple[Rule, ...] = ()
    unread: tuple[str, ...] = ()
    family: int = 4
    sure: bool = True


@dataclass(frozen=True, slots=True)
class LinkReading:
    """Interfaces in the order in which they stood. `topics` says what the text told: links, addresses or both."""

    interfaces: tuple[Interface, ...] = ()
    unread: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SysctlReading:
    """Sorted (name, value) pairs of the net.* sysctls that are single numbers, named as Node.sysctls has them."""

    sysctls: tuple[tuple[str, int], ...] = ()
    unread: tuple[str, ...] = ()


def lines_of(text: str) -> list[str]:
    """The lines of a text, cleaned (escape sequences and control characters taken out)."""
    return clean(text).split("\n")
