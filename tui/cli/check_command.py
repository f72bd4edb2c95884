"""`routetui check`: what a lab or Compose file expects, against what is there; with --probe real pings judge."""

from __future__ import annotations

import argparse
import os

from tui.cli.arguments import UsageError
from tui.cli.choose import LAB_VARIABLE, choose
from tui.cli.lab.files import find_lab
from tui.cli.output import flat, note, print_json
from tui.core.destination import resolve
from tui.core.labs import Lab
from tui.core.labs.checks import Checked, Ping, checked, words
from tui.core.query import QueryError
from tui.core.text import clean
from tui.core.world import World
from tui.engines.base import Engine, EngineError

_SIGNS = {True: "✓", False: "✗", None: "?"}
_PING = ("ping", "-n", "-c", "1", "-W", "2")
"""Both iputils and BusyBox take these words: one request, and two seconds for its answer."""


def check(options: argparse.Namespace) -> bool | None:
    """Print each expectation with whether it holds: True for all, False where one does not, None where nobody can say.

    Raises UsageError for a file without expectations, EngineError where what is there cannot be read.
    """
    lab = find_lab(options.what).lab
    expectations = lab.goals if options.goal else lab.expectations
    if not expectations:
        part, other = ("goal", "expect") if options.goal else ("expect", "goal")
        told = f"{clean(options.what)} expects nothing: write what should hold under x-routetui: {part}."
        raise UsageError(told + _hint(lab, other))
    engine = choose(_placed(options), fall_back=False).engine
    try:
        world = engine.snapshot()
        results = checked(world, expectations, _pinging(engine, world) if options.probe else None)
    finally:
        engine.close()
    if options.json:
        print_json(
            {"lab": lab.name, "engine": world.engine, "holds": _all(results), "checks": list(map(_json, results))}
        )
    else:
        _print(results, world)
    return _all(results)


def _hint(lab: Lab, other: str) -> str:
    there = lab.goals if other == "goal" else lab.expectations
    option = "with" if other == "goal" else "without"
    return f" It has some under {other}: ask {option} --goal." if there else ""


def _placed(options: argparse.Namespace) -> argparse.Namespace:
    """Where to look. Simulated or on the kernel, with no lab named, it is the lab that is checked itself."""
    named = options.lab is not None or options.netns is not None or options.open is not None
    if named or options.engine not in ("sim", "kernel") or os.environ.get(LAB_VARIABLE):
        return options
    return argparse.Namespace(**{**vars(options), "lab": options.what})


def _all(results: tuple[Checked, ...]) -> bool | None:
    answers = {each.holds for each in results}
    return False if False in answers else None if None in answers else True


def _print(results: tuple[Checked, ...], world: World) -> None:
    for each in results:
        why = f": {each.why}" if each.why else ""
        print(flat(f"{_SIGNS[each.holds]} {words(each.expectation)}{why}"))
    good = sum(each.holds is True for each in results)
    print(f"{good} of {len(results)} hold ({clean(world.engine)})")
    missing = sorted({each.expectation.src for each in results if world.node(each.expectation.src) is None})
    if missing:
        note(f"there is no {' and no '.join(missing)} here: is the lab up, and is this the engine on which it is?")


def _json(each: Checked) -> dict[str, object]:
    asked = each.expectation
    return {
        "from": asked.src,
        "to": asked.dst,
        "reachable": asked.reachable,
        "outcome": asked.outcome,
        "via": list(asked.via) if asked.via is not None else None,
        "route": dict(asked.route) or None,
        "line": asked.line,
        "holds": each.holds,
        "why": each.why or None,
        "predicted": each.predicted,
        "observed": each.observed,
    }


def _pinging(engine: Engine, world: World) -> Ping:
    """Real pings through the engine; said once where there is no ping."""
    silent: set[str] = set()

    def ping(src: str, dst: str) -> bool | None:
        node = world.node(src)
        if node is None or src in silent:
            return None
        try:
            target = resolve(dst, world, node).dst
            run = engine.run(src, (*_PING, str(target)))
            for _ in run:
                pass
        except (EngineError, QueryError):
            return None
        if run.code not in (0, 1, 2):
            silent.add(src)
            note(f"{src} has no ping: only the prediction counts")
            return None
        return run.code == 0

    return ping
