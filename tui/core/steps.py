"""A lookup as values: what was looked at, in the kernel's order, what was kept or lost and why, and the decision."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tui.core.addresses import Address
from tui.core.query import Query
from tui.core.world import NextHop, Route, Rule


class Fate(StrEnum):
    """What became of a candidate route. Only CHOSEN, REJECTS and THROWS end the table."""

    CHOSEN = "chosen"
    REJECTS = "rejects"  # matched, and it is unreachable, prohibit or blackhole
    THROWS = "throws"  # matched, and it sends the lookup on to the next rule
    NO_MATCH = "no match"  # a bit differs: see CandidateStep.differs_at
    SHORTER = "shorter"  # it matches, but a longer prefix matched too
    TOS = "other tos"  # it matches, but wants another type of service
    METRIC = "worse metric"  # same prefix as the winner, higher metric
    LATER = "later"  # same prefix, tos and metric as the winner, listed after it
    DEAD = "dead"  # matched, but every next hop is dead: the search goes on
    LINK_DOWN = "link down"  # matched, but every link is down and ignore_routes_with_linkdown is set
    OTHER_DEVICE = "other device"  # matched, but the packet is bound to another device (oif)
    OTHER_SOURCE = "other source"  # IPv6 `from` routes: the packet's source lies outside
    PREFERENCE = "worse preference"  # IPv6: same metric, a lower router preference or score
    SUPPRESSED = "suppressed"  # chosen in its table, then refused by the rule's suppress_prefixlength
    NOT_TRIED = "not tried"  # the kernel never looks at it (after a next-hop group that is down)


class Failure(StrEnum):
    """Why there is no way. The names are the contract's: they appear in JSON."""

    NO_ROUTE = "NO_ROUTE"  # no table had a match
    UNREACHABLE = "UNREACHABLE"  # an unreachable route or rule
    PROHIBIT = "PROHIBIT"
    BLACKHOLE = "BLACKHOLE"
    NOT_FORWARDING = "NOT_FORWARDING"  # came in on an interface that does not forward
    REVERSE_PATH = "REVERSE_PATH"  # source validation (rp_filter) refuses it
    MARTIAN = "MARTIAN"  # a source or destination that no packet may have there
    BAD_SOURCE = "BAD_SOURCE"  # the given source is no address of this node
    LINK_DOWN = "LINK_DOWN"  # bound to a device that is down
    NO_DEVICE = "NO_DEVICE"  # bound to a device that does not exist
    UNKNOWN = "UNKNOWN"  # what would decide it could not be read


@dataclass(frozen=True, slots=True)
class RuleStep:
    """A rule was looked at. `matched` says whether its selectors fit; `reason` which one did not, or what it does."""

    rule: Rule
    matched: bool
    reason: str


@dataclass(frozen=True, slots=True)
class CandidateStep:
    """A route was held against the destination.

    `differs_at` is the first differing bit, counted from 1 (None: the prefix matches). `best` is the best candidate
    after this step (None: none yet). `table` is the table that was being searched: `local+main` when merged.
    """

    table: str
    route: Route
    fate: Fate
    reason: str
    differs_at: int | None = None
    best: Route | None = None


@dataclass(frozen=True, slots=True)
class SkippedStep:
    """`count` routes that do not match and are not told one by one: of a large table, or of table local."""

    table: str
    count: int
    reason: str


@dataclass(frozen=True, slots=True)
class TableStep:
    """A table was searched to its end. `route` is its answer; None: it has nothing, go to the next rule."""

    table: str
    route: Route | None
    reason: str


@dataclass(frozen=True, slots=True)
class Leg:
    """One next hop of the chosen route: usable or not, and why."""

    nexthop: NextHop
    usable: bool
    reason: str


@dataclass(frozen=True, slots=True)
class LegsStep:
    """A multipath route's next hops. `chosen` is the only possible one, or None where a hash of the flow decides."""

    route: Route
    legs: tuple[Leg, ...]
    chosen: NextHop | None
    reason: str


@dataclass(frozen=True, slots=True)
class CheckStep:
    """A check beside the tables: source allowed, device up, forwarding on, reverse path (rp_filter), martian."""

    name: str
    passed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class SourceStep:
    """The source address that the node would write into the packet, and by which rule (None: it has none)."""

    address: Address | None
    reason: str


Step = RuleStep | CandidateStep | SkippedStep | TableStep | LegsStep | CheckStep | SourceStep


@dataclass(frozen=True, slots=True)
class Decision:
    """Where the packet goes, or why it goes nowhere.

    With `failure` None: `type` is unicast, local, broadcast, multicast or anycast; `dev` and `gateway` say how it
    leaves (a local packet goes to dev lo); `prefsrc` is the source address that the node would use; `table` is where
    `route` was found (`route` and `table` are None where no route decided, as with an oif that has none).
    `nexthops` holds every next hop that may be taken, when more than one (`dev` and `gateway` are then the first).
    `errno` is the kernel's name for the refusal (ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL, ENODEV).
    `assumptions` are sentences: what was not read and was taken to be as the kernel has it by default. `rule` is the
    policy rule that refused by itself, if one did.
    """

    type: str | None = None
    route: Route | None = None
    dev: str | None = None
    gateway: Address | None = None
    prefsrc: Address | None = None
    table: str | None = None
    nexthops: tuple[NextHop, ...] = ()
    failure: Failure | None = None
    errno: str | None = None
    reason: str = ""
    assumptions: tuple[str, ...] = ()
    rule: Rule | None = None


@dataclass(frozen=True, slots=True)
class Lookup:
    """A query, every step of its lookup in order, and the decision. `steps` is empty when no trace was asked for."""

    query: Query
    decision: Decision
    steps: tuple[Step, ...] = ()
