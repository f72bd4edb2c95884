"""What `iptables-save` and `ip6tables-save` print, read into tables; what is not understood stays in its rule."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

from tui.core.firewall.iptables_words import read_rule
from tui.core.firewall.values import UNKNOWN, Act, Chain, FilterRule, Signed, Table

HOOKS = {
    "raw": {"prerouting": -300, "output": -300},
    "mangle": dict.fromkeys(("prerouting", "input", "forward", "output", "postrouting"), -150),
    "nat": {"prerouting": -100, "input": 100, "output": -100, "postrouting": 100},
    "filter": {"input": 0, "forward": 0, "output": 0},
    "security": {"input": 50, "forward": 50, "output": 50},
}
"""Where the tables of iptables hook in, with which priority (linux/netfilter_ipv4.h, nf_ip_hook_priorities)."""

_COUNTER = re.compile(r"^\[(\d+):\d+\] ")


def read_save(text: str, family: str, origin: str = "iptables") -> tuple[tuple[Table, ...], tuple[str, ...]]:
    """The tables in the output of `iptables-save` (with or without -c), and the lines that could not be read.

    `family` is ip or ip6: the output itself does not tell.
    """
    tables: list[_Draft] = []
    unread: list[str] = []
    for line in text.splitlines():
        words = line.strip()
        if words.startswith("*"):
            tables.append(_Draft(words[1:].strip(), family, origin))
        elif words and words != "COMMIT" and not words.startswith("#"):
            try:
                if not tables or not tables[-1].take(words):
                    unread.append(words)
            except ValueError:
                unread.append(words)
    return tuple(each.table() for each in tables), tuple(unread)


class _Draft:
    """A table while its lines come."""

    def __init__(self, name: str, family: str, origin: str) -> None:
        self.name, self.family, self.origin = name, family, origin
        self._policies: dict[str, str] = {}
        self._lines: dict[str, list[tuple[str, int | None]]] = {}

    def take(self, line: str) -> bool:
        """A chain, or a rule; False for anything else."""
        if line.startswith(":"):
            name, policy = line[1:].split()[:2]
            self._policies[name] = policy
            self._lines.setdefault(name, [])
            return True
        counted = _COUNTER.match(line)
        rest = line[counted.end() :] if counted else line
        if not rest.startswith("-A "):
            return False
        _, name, *text = rest.split(" ", 2)
        packets = int(counted[1]) if counted else None
        self._lines.setdefault(name, []).append((text[0] if text else "", packets))
        return True

    def table(self) -> Table:
        chains = tuple(self._chain(name, lines) for name, lines in self._lines.items())
        return Table(self.family, self.name, chains, origin=self.origin)

    def _chain(self, name: str, lines: Iterable[tuple[str, int | None]]) -> Chain:
        rules = tuple(self._rule(text, packets) for text, packets in lines)
        policy = self._policies.get(name, "-")
        hook = name.lower()
        if policy == "-" or hook not in HOOKS.get(self.name, {}):
            return Chain(name, rules)
        kind = "nat" if self.name == "nat" else "filter"
        return Chain(name, rules, hook, Signed(HOOKS[self.name][hook]), kind, policy.lower())

    def _rule(self, text: str, packets: int | None) -> FilterRule:
        try:
            matches, acts = read_rule(shlex.split(text), self._lines)
        except ValueError:  # a quotation that never ends
            matches, acts = (), (Act(UNKNOWN, (text,)),)
        return FilterRule(text, matches, acts, packets)
