"""Whether what a lab expects holds in a World, by the path and the lookup that are worked out there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tui.core.labs import Expectation
from tui.core.lookup import lookup
from tui.core.path import path
from tui.core.path.hops import Path
from tui.core.path.links_between import Links
from tui.core.query import Query, QueryError
from tui.core.world import Route, World


@dataclass(frozen=True, slots=True)
class Found:
    """An expectation and whether it holds (None: nobody can say). `told` says what was found instead, else ""."""

    expectation: Expectation
    holds: bool | None
    told: str = ""


def found(world: World, expectations: tuple[Expectation, ...]) -> tuple[Found, ...]:
    """Each expectation held against the World."""
    links = Links(world)
    return tuple(_found(links, each) for each in expectations)


def _found(links: Links, each: Expectation) -> Found:
    try:
        seen = path(links, each.src, each.dst)
    except QueryError as error:
        return Found(each, False, str(error))
    if each.src not in links.nodes:
        return Found(each, False, f"There is no node {each.src}.")
    wrong = next(_differences(links, each, seen), None)
    if wrong is not None:
        return Found(each, False, wrong)
    return Found(each, None if each.reachable is not None and seen.works is None else True)


def _differences(links: Links, each: Expectation, seen: Path) -> Iterator[str]:
    """What is found otherwise, a phrase each."""
    if each.reachable is not None and seen.works is not None and seen.works != each.reachable:
        yield seen.verdict
    if each.outcome is not None and seen.forward.outcome.value != each.outcome:
        yield f"{seen.forward.outcome.value}: {seen.forward.reason}"
    via = tuple(hop.node for hop in seen.forward.hops[1:] if hop.oif != "lo")
    if each.via is not None and via != each.via:
        yield f"via {', '.join(via)}" if via else "directly"
    if each.route:
        route = lookup(links.fib(each.src), Query(seen.address), trace=False).decision.route
        for word, value in each.route:
            if (chosen := _word(route, word)) != value:
                yield f"by a route with {word} {chosen or '(none)'}"


def _word(route: Route | None, word: str) -> str:
    """What `ip -j route` has under that name."""
    value = None if route is None else route.dst.brief if word == "dst" else getattr(route, word)
    return "" if value is None else str(value)
