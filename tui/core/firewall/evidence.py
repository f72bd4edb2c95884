"""Counters as evidence: the rules that packets met between two readings of a node's filters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tui.core.firewall.values import Chain, FilterRule, Ruleset, Table, place


@dataclass(frozen=True, slots=True)
class Rise:
    """A rule whose counter rose by `packets`. `text` is the rule with its place, as a verdict names it."""

    table: Table
    chain: Chain
    rule: FilterRule
    packets: int

    @property
    def text(self) -> str:
        """Table (unless it is filter), chain and rule."""
        return f"{place(self.table, self.chain)} {self.rule.text}"

    @property
    def drops(self) -> bool:
        """Whether the rule ends a packet's way."""
        return any(act.kind in ("drop", "reject") for act in self.rule.acts)


def rose(before: Ruleset, after: Ruleset) -> tuple[Rise, ...]:
    """The rules whose counters rose from one reading to the next, in listing order.

    A rule is known by its place and text, and where that occurs more than once by its turn. Rules without counters
    (of nf_tables) tell nothing. A counter that was set back to zero counts from there.
    """
    earlier = {key: packets for key, *_, packets in _counted(before)}
    found = []
    for key, table, chain, rule, packets in _counted(after):
        last = earlier.get(key, 0)
        more = packets - last if packets >= last else packets
        if more:
            found.append(Rise(table, chain, rule, more))
    return tuple(found)


_Key = tuple[str, str, str, str, str, int]


def _counted(rules: Ruleset) -> Iterator[tuple[_Key, Table, Chain, FilterRule, int]]:
    turns: dict[tuple[str, str, str, str, str], int] = {}
    for table, chain, rule in rules.rules():
        known = (table.origin, table.family, table.name, chain.name, rule.text)
        turns[known] = turn = turns.get(known, 0) + 1
        if rule.packets is not None:
            yield (*known, turn), table, chain, rule, rule.packets
