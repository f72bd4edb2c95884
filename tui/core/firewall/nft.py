"""What `nft -j list ruleset` prints (libnftables-json(5)), read into tables; what is not understood stays in a rule."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tui.core.firewall.nft_statements import acts_of, match_of
from tui.core.firewall.nft_text import rule_text, verdict_text
from tui.core.firewall.nft_words import BY_TYPE, element
from tui.core.firewall.values import UNKNOWN, Act, Chain, FilterRule, FilterSet, Match, Signed, Table

Objects = Sequence[Mapping[str, Any]]


def read_ruleset(text: str) -> tuple[Table, ...]:
    """The tables of a ruleset. Raises ValueError where the text is no such JSON.

    The tables of iptables over nf_tables are there too: their matches are opaque (`xt`) and make a rule unknown, so
    read those with tui.core.firewall.iptables.
    """
    try:
        found = json.loads(text)["nftables"]
        objects = [(kind, each[kind]) for each in found for kind in each]
        return tuple(_table(each, objects) for kind, each in objects if kind == "table")
    except (json.JSONDecodeError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"this is no output of nft -j list ruleset: {error}") from error


def _table(table: Mapping[str, Any], objects: Sequence[tuple[str, Mapping[str, Any]]]) -> Table:
    family, name = table["family"], table["name"]
    own = [(k, each) for k, each in objects if each.get("table") == name and each.get("family") == family]
    rules: dict[str, list[FilterRule]] = {}
    for kind, each in own:
        if kind == "rule":
            rules.setdefault(each["chain"], []).append(read_rule(each.get("expr") or (), each.get("comment")))
    chains = tuple(_chain(each, tuple(rules.get(each["name"], ()))) for kind, each in own if kind == "chain")
    sets = tuple(FilterSet(each["name"], _elements(each)) for kind, each in own if kind in ("set", "map"))
    return Table(family, name, chains, sets)


def _chain(each: Mapping[str, Any], rules: tuple[FilterRule, ...]) -> Chain:
    if "hook" not in each:
        return Chain(each["name"], rules)
    dev = each.get("dev", "")
    return Chain(
        each["name"],
        rules,
        each["hook"],
        Signed(each.get("prio", 0)),
        each.get("type", "filter"),
        each.get("policy", "accept"),
        " ".join(dev) if isinstance(dev, list) else dev,
    )


def _elements(each: Mapping[str, Any]) -> tuple[str, ...]:
    types = each["type"] if isinstance(each["type"], list) else [each["type"]]
    key = " . ".join(BY_TYPE.get(one, "") if isinstance(one, str) else "" for one in types)
    found = []
    for one in each.get("elem") or ():
        if isinstance(one, list):
            value = verdict_text(one[1]) if isinstance(one[1], dict) else element("", one[1])
            found.append(f"{element(key, one[0])} : {value}")
        else:
            found.append(element(key, one))
    return tuple(found)


def read_rule(expressions: Objects, comment: str | None = None) -> FilterRule:
    """A rule from its expressions, in order."""
    matches: list[Match] = []
    acts: list[Act] = []
    packets: int | None = None
    for each in expressions:
        (kind, body), *_ = each.items()
        if kind == "counter" and isinstance(body, dict):
            packets = body.get("packets")
            continue
        needed = match_of(kind, body)
        if needed and any(act.kind in ("mark", "remark") for act in acts):
            # The mark is set even where what stands after it does not match.
            acts[-1:] = [Act(UNKNOWN, ("a mark is set before the last condition",))]
        matches += needed
        acts += acts_of(kind, body)
    return FilterRule(rule_text(expressions, comment), tuple(matches), tuple(acts), packets)
