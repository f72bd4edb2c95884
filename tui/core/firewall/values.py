"""A node's packet filters as frozen values: tables, chains, rules and sets, of iptables and of nf_tables alike.

Both are read into the same few words, so that one evaluation serves both (tui.core.firewall.walking). The text of each
rule is kept as its own program prints it: that is what a person is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NewType

Signed = NewType("Signed", int)
"""A whole number that may be negative."""

UNKNOWN = "unknown"
"""The key of a match, and the kind of an act, that routetui does not know: its only word is the text."""


@dataclass(frozen=True, slots=True)
class Match:
    """One condition of a rule: any of the `values` fits; none of them, where it is `negated`.

    `key` says what is looked at; several joined by " . " are looked at together. Keys and their values:
    src, dst (address, prefix or range of addresses), iif, oif, physin, physout (a device; a * at the end stands for
    any ending), proto, version, sport, dport, port (numbers and ranges; port is either), icmp (TYPE or TYPE/CODE),
    icmp-type, icmp-code, icmp6-type, icmp6-code, tcpflags (MASK SET), ctstate, ctstatus, ctdir, ctsrc, ctdst,
    mark (VALUE or VALUE/MASK), srctype, dsttype (local, unicast, broadcast, ...), bridged (in, out), pkttype, ttl,
    fragment, unknown.
    A value @NAME stands for the elements of a set of the same table.
    """

    key: str
    values: tuple[str, ...] = ()
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Act:
    """What a rule does. The kinds, and their words:

    accept, drop, return, continue, notrack, note (something without effect on the way), reject (the kind of answer),
    jump, goto (a chain), dnat, snat (ADDRESS or "", PORT or ""), redirect (PORT or ""), masquerade, mark (value, mask),
    remark (the mark becomes something that is not known), vmap (key, then "ELEMENT : VERDICT" each, or @NAME), unknown.
    """

    kind: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FilterRule:
    """One rule: where every match fits, its acts are done in order.

    `text` is the rule without its table, chain and counter. `packets` is what its counter stood at when it was read,
    None where it was not asked for or there is none; it takes no part in comparisons and is not saved.
    """

    text: str
    matches: tuple[Match, ...] = ()
    acts: tuple[Act, ...] = ()
    packets: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Chain:
    """Rules in order. A base chain has a `hook` (prerouting, input, forward, output, postrouting, ingress, egress), a
    `priority`, a `kind` (filter, nat, route) and a `policy` (accept, drop); the others are jumped to.
    """

    name: str
    rules: tuple[FilterRule, ...] = ()
    hook: str = ""
    priority: Signed = Signed(0)
    kind: str = "filter"
    policy: str = "accept"
    dev: str = ""


@dataclass(frozen=True, slots=True)
class FilterSet:
    """A named set, or a map with elements "KEY : VERDICT", of a table of nf_tables, as it was when it was read."""

    name: str
    elements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A table. `family` is ip, ip6, inet, bridge, netdev or arp; `origin` iptables, iptables-legacy or nft."""

    family: str
    name: str
    chains: tuple[Chain, ...] = ()
    sets: tuple[FilterSet, ...] = ()
    origin: str = "nft"

    def chain(self, name: str) -> Chain | None:
        """The chain of that name, or None."""
        return next((each for each in self.chains if each.name == name), None)

    def elements(self, name: str) -> tuple[str, ...] | None:
        """The elements of the set of that name, or None where it was not read."""
        return next((each.elements for each in self.sets if each.name == name), None)


@dataclass(frozen=True, slots=True)
class Ruleset:
    """All filters of a node. `unread` are sentences on what may be there and was not read, or not understood."""

    tables: tuple[Table, ...] = ()
    unread: tuple[str, ...] = ()

    def rules(self) -> Iterator[tuple[Table, Chain, FilterRule]]:
        """Every rule with the place where it stands."""
        for table in self.tables:
            for chain in table.chains:
                for rule in chain.rules:
                    yield table, chain, rule


def place(table: Table, chain: Chain | str) -> str:
    """Where a rule stands, as a person names it: the chain alone in the table filter of iptables."""
    name = chain if isinstance(chain, str) else chain.name
    if table.origin == "nft":
        return f"{table.family} {table.name} {name}"
    return name if table.name == "filter" else f"{table.name} {name}"
