"""A packet through the chains of one hook, rule by rule, as nft_do_chain and ipt_do_table go: to the rule that decides.

Where a condition is not known, both ways are followed. So an unknown rule that only logs, or that would have come to
the same end, makes no difference; where the ends differ, the answer is that nobody can say, because of that rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tui.core.firewall.acting import Refused, changed
from tui.core.firewall.flight import Flight, Here
from tui.core.firewall.matching import any_fits, rule_fits
from tui.core.firewall.values import UNKNOWN, Act, Chain, FilterRule, Table, place

MOST_STEPS = 20000
"""Rules that are looked at for one packet in one chain, both ways of unknown ones counted, before it is given up."""


@dataclass(frozen=True, slots=True)
class End:
    """How a packet leaves a base chain: `verdict` is accept, drop, reject or unknown, `flight` what it is then.

    `rule` is the text of what decided, with its place; `doubt` that of the first rule that was not known to match.
    `answer` is what a reject sends.
    """

    verdict: str
    flight: Flight
    rule: str = ""
    doubt: str = ""
    answer: str = ""


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where the packet is: the next rule's number in a chain, and where it goes on when that chain ends."""

    chain: Chain
    index: int
    callers: tuple[tuple[Chain, int], ...]
    flight: Flight
    doubt: str = ""


class Walk:
    """One packet in the chains of one table."""

    def __init__(self, table: Table, base: Chain, here: Here) -> None:
        self._table, self._base, self._here = table, base, here

    def ends(self, flight: Flight) -> Iterator[End]:
        """Every way in which it may leave the base chain; one where all is known."""
        pending, seen = [_Spot(self._base, 0, (), flight)], set()
        for _ in range(MOST_STEPS):
            if not pending:
                return
            spot = pending.pop()
            # Without the doubt: two ways to one place go on alike.
            here = (spot.chain.name, spot.index, tuple((c.name, i) for c, i in spot.callers), spot.flight)
            if here in seen:
                continue
            seen.add(here)
            after = self._step(spot)
            for each in after:
                if isinstance(each, End):
                    yield each
                else:
                    pending.append(each)
        if pending:
            yield End(UNKNOWN, flight, place(self._table, self._base), "there are too many ways through its rules")

    def _step(self, spot: _Spot) -> list[_Spot | End]:
        """On to the next rule of the chain that fits, or may fit, and what it does."""
        rules, index, fits = spot.chain.rules, spot.index, None
        while index < len(rules):
            fits = rule_fits(rules[index], spot.flight, self._table, self._here.kinds)
            if fits is not False:
                break
            index += 1
        else:
            return [self._over(spot)]
        spot, rule = replace(spot, index=index), rules[index]
        if fits is None:
            doubt = spot.doubt or f"{place(self._table, spot.chain)} {rule.text}"
            return [replace(spot, index=index + 1, doubt=doubt), *self._acts(replace(spot, doubt=doubt), rule)]
        return self._acts(spot, rule)

    def _over(self, spot: _Spot) -> _Spot | End:
        """A chain is at its end: back to where it was called from, or the policy."""
        if spot.callers:
            (chain, index), callers = spot.callers[-1], spot.callers[:-1]
            return replace(spot, chain=chain, index=index, callers=callers)
        policy = self._base.policy
        return End(policy, spot.flight, f"{place(self._table, self._base)} policy {policy.upper()}", spot.doubt)

    def _acts(self, spot: _Spot, rule: FilterRule) -> list[_Spot | End]:
        """Do what the rule does."""
        flight = spot.flight
        text = " ".join(filter(None, (place(self._table, spot.chain), rule.text)))
        for number, act in enumerate(rule.acts):
            here = replace(spot, flight=flight)
            match act.kind:
                case "accept" | "drop":
                    return [End(act.kind, flight, text, spot.doubt)]
                case "reject":
                    return [End("reject", flight, text, spot.doubt, act.words[0])]
                case "jump" | "goto":
                    return [self._into(here, act, text)]
                case "return":
                    return [self._over(here)]
                case "vmap":
                    return self._mapped(here, rule, number, text)
                case "note" | "continue":
                    continue
                case "unknown":
                    return [End(UNKNOWN, flight, text, spot.doubt or text)]
            try:
                flight, ended = changed(act, flight, self._here)
            except Refused:
                return [End(UNKNOWN, flight, text, spot.doubt or text)]
            if ended:
                return [End("accept", flight, text, spot.doubt)]
        return [replace(spot, index=spot.index + 1, flight=flight)]

    def _into(self, spot: _Spot, act: Act, text: str) -> _Spot | End:
        chain = self._table.chain(act.words[0])
        if chain is None or len(spot.callers) > 32:
            return End(UNKNOWN, spot.flight, text, spot.doubt or text)
        back = ((spot.chain, spot.index + 1),) if act.kind == "jump" else ()
        return replace(spot, chain=chain, index=0, callers=(*spot.callers, *back))

    def _mapped(self, spot: _Spot, rule: FilterRule, number: int, text: str) -> list[_Spot | End]:
        """The verdict of the element that fits; without one the rule is over (nft_lookup_eval: NFT_BREAK)."""
        key, *entries = rule.acts[number].words
        if len(entries) == 1 and entries[0].startswith("@"):
            found = self._table.elements(entries[0][1:])
            if found is None:
                return [End(UNKNOWN, spot.flight, text, spot.doubt or text)]
            entries = list(found)
        for entry in entries:
            value, _, verdict = entry.rpartition(" : ")
            fits = any_fits(key, (value,), spot.flight, self._table, self._here.kinds)
            if fits is None:
                return [End(UNKNOWN, spot.flight, text, spot.doubt or text)]
            if fits:
                kind, _, target = verdict.partition(" ")
                act = Act(kind, (target,) if target else ())
                said = replace(rule, acts=(act, *rule.acts[number + 1 :]))
                return self._acts(spot, said)
        return [replace(spot, index=spot.index + 1)]
