"""All that a packet meets at one hook of a node, in the order of priorities, and what comes of it.

The order is that of linux/netfilter_ipv4.h: raw (-300), connection tracking (-200), mangle (-150), translation of the
destination (-100), filter (0), translation of the source (100). Each base chain may stop the packet; accepted by one it
still meets the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from tui.core.firewall.flight import Flight, Here
from tui.core.firewall.tracking import track, turned_back
from tui.core.firewall.values import UNKNOWN, Chain, Ruleset, Table, place
from tui.core.firewall.walking import End, Walk

PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING = "prerouting", "input", "forward", "output", "postrouting"
_EARLIEST, _TRACKED, _DNAT, _SNAT = -(1 << 31), -200, -100, 100


@dataclass(frozen=True, slots=True)
class Said:
    """What the filters say: `passes` None where nobody can. `rule` decides, or is what is not known.

    `flight` is the packet after them; `answer` the kind of error that a REJECT sends, as iptables names it.
    """

    passes: bool | None
    flight: Flight
    rule: str = ""
    answer: str = ""


_Step = tuple[int, Callable[[Flight], Iterable[End]]]


def at_hook(rules: Ruleset, hook: str, flight: Flight, here: Here, *, family: str = "") -> Said:
    """What the rules of a hook do with a packet.

    `family` bridge asks the tables of that family alone, which see what a bridge passes on and track nothing.
    """
    alive: dict[Flight, str] = {flight: ""}
    stopped: list[End] = []
    for _, step in _steps(rules, hook, flight, here, family):
        ends = [_doubted(end, doubt) for each, doubt in alive.items() for end in step(each)]
        alive = {}
        for end in ends:
            if end.verdict == "accept":
                alive.setdefault(end.flight, end.doubt)
            else:
                stopped.append(end)
    return _concluded(flight, alive, stopped)


def _doubted(end: End, before: str) -> End:
    return replace(end, doubt=before) if before else end


def _steps(rules: Ruleset, hook: str, flight: Flight, here: Here, family: str) -> list[_Step]:
    chains = base_chains(rules, hook, flight, family)
    steps: list[_Step] = [
        (_EARLIEST if chain.hook == "ingress" else chain.priority, _chain(table, chain, here))
        for table, chain in chains
        if chain.kind != "nat"
    ]
    # Translation has a place of its own; the priorities of its chains order them among themselves (nf_nat_register_fn).
    turn = _SNAT if hook in (INPUT, POSTROUTING) else _DNAT
    for priority in dict.fromkeys(chain.priority for _, chain in chains if chain.kind == "nat"):
        alike = [each for each in chains if each[1].kind == "nat" and each[1].priority == priority]
        steps.append((turn, _translations(alike, here)))
    if not family:
        if hook in (PREROUTING, OUTPUT) and flight.connection is None:
            steps.append((_TRACKED, lambda each: [End("accept", track(here, each))]))
        if hook in (PREROUTING, OUTPUT):
            steps.append((_DNAT, lambda each: [End("accept", turned_back(each, source=False))]))
        if hook in (INPUT, POSTROUTING):
            steps.append((_SNAT, lambda each: [End("accept", turned_back(each, source=True))]))
    return sorted(steps, key=lambda each: each[0])


def base_chains(rules: Ruleset, hook: str, flight: Flight, family: str = "") -> list[tuple[Table, Chain]]:
    """The base chains that a packet meets at a hook, in order."""
    families = (family,) if family else ("ip" if flight.version == 4 else "ip6", "inet")
    found = [
        (table, chain)
        for table in rules.tables
        if table.family in families
        for chain in table.chains
        if chain.hook == hook
    ]
    found.sort(key=lambda each: each[1].priority)
    if hook != PREROUTING or family:
        return found
    early = [
        (table, chain)
        for table in rules.tables
        if table.family in ("netdev", "inet")
        for chain in table.chains
        if chain.hook == "ingress" and (not chain.dev or flight.iif in chain.dev.split())
    ]
    return early + found


def _chain(table: Table, chain: Chain, here: Here) -> Callable[[Flight], Iterable[End]]:
    source = chain.hook in (INPUT, POSTROUTING)

    def step(flight: Flight) -> Iterable[End]:
        if chain.kind == "nat" and not _may_translate(flight, source=source):
            return [End("accept", flight)]
        ends = list(Walk(table, chain, here).ends(flight))
        if chain.hook == "ingress" and not chain.dev:  # an nft that does not tell on which device
            return [each if each.verdict == "accept" else replace(each, verdict=UNKNOWN) for each in ends]
        return ends

    return step


def _may_translate(flight: Flight, *, source: bool) -> bool:
    """Rules of translation see the first packet of a connection alone, until one of them has translated it."""
    return flight.connection is not None and flight.fresh and ("snat" if source else "dnat") not in flight.bound


def _translations(chains: Sequence[tuple[Table, Chain]], here: Here) -> Callable[[Flight], Iterable[End]]:
    """Chains of translation of one hook and priority: the first that translates is the last that is asked.

    The one that was made last is asked first (nf_hook_entries_grow), and no listing tells which that is.
    """
    steps = [(place(*each), _chain(*each, here)) for each in chains]
    if len(steps) == 1:
        return steps[0][1]

    def step(flight: Flight) -> Iterable[End]:
        said = [(name, list(ask(flight))) for name, ask in steps]
        acting = [(name, ends) for name, ends in said if any(e.verdict != "accept" or e.flight != flight for e in ends)]
        if not acting:
            return [End("accept", flight)]
        alike = {frozenset((each.verdict, each.flight) for each in ends) for _, ends in acting}
        if len(alike) == 1:
            return acting[0][1]
        return [End(UNKNOWN, flight, f"which is asked first, {' or '.join(name for name, _ in acting)}")]

    return step


def _concluded(before: Flight, alive: dict[Flight, str], stopped: Sequence[End]) -> Said:
    unknown = next((each for each in stopped if each.verdict == UNKNOWN), None)
    if unknown is not None:
        return Said(None, before, unknown.doubt or unknown.rule)
    if not alive:
        sure = next((each for each in stopped if each.rule != each.doubt), stopped[0])
        answers = {each.answer for each in stopped}
        return Said(False, before, sure.rule, answers.pop() if len(answers) == 1 else "")
    doubt = next((each for each in (*alive.values(), *(end.doubt for end in stopped)) if each), "")
    if stopped:
        return Said(None, before, doubt)
    flights = list(alive)
    alike = dict.fromkeys(replace(each, mark=None) for each in flights)
    if len(alike) > 1:
        return Said(None, before, doubt)
    return Said(True, flights[0] if len(flights) == 1 else next(iter(alike)))
