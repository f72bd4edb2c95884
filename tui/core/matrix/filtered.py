"""How packet filters tell addresses apart: prefixes that stand in rules, and rules that are about one address alone."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator

from tui.core.addresses import WIDTH, Address, AddressError, Prefix, parse_address, parse_prefix
from tui.core.firewall.values import Chain, FilterRule, Ruleset
from tui.core.world import World

_WORD = re.compile(r"(?<![\w.:])(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9a-fA-F]{0,4}:[0-9a-fA-F:.]+)(?:/[0-9.]+)?")
_BLANK = "\ue002"
"""Stands for the one address that a rule is about."""

Marked = dict[Address, list[Hashable]]
"""For an address, the rules that are about it alone: where each stands, and its text with the address left blank."""


def told_apart(world: World) -> tuple[Marked, set[Prefix]]:
    """What the filters of all nodes have to say about single addresses, and every other prefix that they name.

    An engine writes a rule or two for each container. Such rules tell containers apart only by what they say: two
    addresses with the same rules at the same places can change places. A place is a gap between rules of another kind.
    """
    own = {each.address for node in world.nodes for _, each in node.addresses() if not each.address.is_loopback}
    marked: Marked = {}
    named: set[Prefix] = set()
    for node in world.nodes:
        if node.shares is None and node.filters is not None:
            _read(node.name, node.filters, own, (marked, named))
    return marked, named


def _read(node: str, filters: Ruleset, own: set[Address], into: tuple[Marked, set[Prefix]]) -> None:
    marked, named = into
    for table in filters.tables:
        for each in table.sets:
            named.update(prefix for element in each.elements for prefix in _prefixes(element, own))
        for chain in table.chains:
            for address, place in _single(chain, own, named):
                marked.setdefault(address, []).append((node, table.family, table.name, table.origin, chain.name, place))


def _single(chain: Chain, own: set[Address], named: set[Prefix]) -> Iterator[tuple[Address, Hashable]]:
    """The rules of a chain that are about one address, with their gap; the others' prefixes are put in `named`."""
    gap, before = 0, None
    for rule in chain.rules:
        about = _about(rule, own)
        if about is None:
            named.update(_prefixes(rule.text, own))
            gap, before = gap + 1, None
            continue
        if before is not None and before != rule.acts:
            gap += 1  # what does something else must keep its place before or after it
        before = rule.acts
        address, text = about
        yield address, (gap, text, rule.acts)


def _about(rule: FilterRule, own: set[Address]) -> tuple[Address, str] | None:
    """The only address that a rule names, where a node has it, and the rule without it."""
    found = _WORD.findall(rule.text)
    if any(each.negated and any(map(_WORD.search, each.values)) for each in rule.matches):
        return None  # it is about all the others
    prefix = _prefix(found[0]) if len(found) == 1 and f"{found[0]}-" not in rule.text else None
    if prefix is None or prefix.length != WIDTH[prefix.version] or prefix.address not in own:
        return None
    return prefix.address, rule.text.replace(found[0], _BLANK)


def _prefix(text: str) -> Prefix | None:
    try:
        return parse_prefix(text)
    except AddressError:
        return None


def _prefixes(text: str, own: set[Address]) -> Iterator[Prefix]:
    """Every prefix in a text; of a range the addresses in it that a node has."""
    for word in _WORD.findall(text):
        prefix = _prefix(word)
        if prefix is not None:
            yield prefix.network
    for first, last in re.findall(r"([0-9a-fA-F:.]+)-([0-9a-fA-F:.]+)", text):
        try:
            low, high = parse_address(first), parse_address(last)
        except AddressError:
            continue
        yield from (
            Prefix(each.version, each.value, WIDTH[each.version])
            for each in own
            if each.version == low.version and low.value <= each.value <= high.value
        )
