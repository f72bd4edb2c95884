"""What a lab expects, held against a World and against what real pings saw there: one result for each expectation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tui.core.labs import Expectation
from tui.core.labs.holds import Found, found
from tui.core.world import World

Ping = Callable[[str, str], bool | None]
"""Sends one echo request from a node to an address: whether its answer came; None where that could not be tried."""


@dataclass(frozen=True, slots=True)
class Checked:
    """An expectation and whether it holds (None: nobody can say); `why` says what was found instead, else "".

    `predicted` is what the World says. `observed` is whether a real ping was answered, None where none was sent: where
    an expectation is about being reached, and nothing else of it fails, that decides.
    """

    expectation: Expectation
    holds: bool | None
    why: str
    predicted: bool | None
    observed: bool | None = None


def checked(world: World, expectations: tuple[Expectation, ...], ping: Ping | None = None) -> tuple[Checked, ...]:
    """Each expectation, in order; with `ping`, those about being reached are tried as well."""
    return tuple(_checked(each, ping) for each in found(world, expectations))


def _checked(each: Found, ping: Ping | None) -> Checked:
    asked = each.expectation
    seen = None
    if ping is not None and asked.reachable is not None:
        seen = ping(asked.src, asked.dst)
    if seen is None:
        told = each.told or ("nobody can say: something on the way was not read" if each.holds is None else "")
        return Checked(asked, each.holds, told, each.holds)
    if seen != asked.reachable:
        return Checked(asked, False, _unlike(each, seen), each.holds, seen)
    only_reached = asked.outcome is None and asked.via is None and not asked.route
    if each.holds is False and only_reached:
        return Checked(asked, True, f"predicted otherwise: {each.told}", False, seen)
    return Checked(asked, True if each.holds is None else each.holds, each.told, each.holds, seen)


def _unlike(each: Found, seen: bool) -> str:
    said = "a ping was answered" if seen else "a ping was not answered"
    return f"{said}, though that was predicted otherwise" if each.holds else f"{said}; {each.told or 'not predicted'}"


def words(each: Expectation) -> str:
    """An expectation in a line: `web reaches db, DELIVERED, via router, by gateway 10.0.1.3 dev eth0`."""
    verb = {True: "reaches", False: "does not reach", None: "to"}[each.reachable]
    parts = [f"{each.src} {verb} {each.dst}"]
    parts += [each.outcome] if each.outcome is not None else []
    if each.via is not None:
        parts.append(f"via {', '.join(each.via)}" if each.via else "directly")
    if each.route:
        parts.append(f"by {' '.join(f'{word} {value}' for word, value in each.route)}")
    return ", ".join(parts)
