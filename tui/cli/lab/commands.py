"""`routetui lab list|show|up|down|exec`: what each does, and what it says on the way."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Callable

from tui.cli.arguments import UsageError
from tui.cli.lab.exec import cannot_run, run
from tui.cli.lab.files import Found, find_lab, is_file
from tui.cli.lab.places import Nowhere, OnDocker, OnKernel, Place, place
from tui.cli.output import flat, note, print_json
from tui.core.text import clean
from tui.engines.base import EngineError


def lab(options: argparse.Namespace) -> int:
    """Do what `routetui lab` was asked for; its exit code. Raises UsageError and EngineError."""
    return _COMMANDS[options.lab_command](options)


def say(line: str) -> None:
    """A line of progress, on standard error."""
    print(flat(clean(line)), file=sys.stderr, flush=True)


def _list(options: argparse.Namespace) -> int:
    from tui.cli.lab.listings import print_labs

    up: dict[str, list[str]] = {}
    for where, names in _up_now(options):
        for name in names:
            up.setdefault(name, []).append(where.name)
    print_labs(up, options.json)
    return 0


def _up_now(options: argparse.Namespace) -> list[tuple[Place, list[str]]]:
    """The labs that are up in the place that was named, else on the kernel and on the Docker Engine, if one answers."""
    if options.engine or options.host is not None or options.context is not None:
        named = place(options)
        return [(named, named.running())]
    found: list[tuple[Place, list[str]]] = []
    places: list[Place] = [OnKernel(), OnDocker(options)]
    for each in places:
        with contextlib.suppress(EngineError):
            found.append((each, each.running()))
    return found


def _show(options: argparse.Namespace) -> int:
    from tui.cli.lab.listings import print_lab

    found = find_lab(options.what)
    print_lab(found, options.solution, options.json)
    _notes(found)
    return 0


def _up(options: argparse.Namespace) -> int:
    found, where = find_lab(options.what), place(options)
    _notes(found)
    began = time.monotonic()
    for each in where.up(found, say):
        note(each)
    if isinstance(where, Nowhere):
        return _would_be(found, options.json)
    say(f"up in {time.monotonic() - began:.1f} s; routetui lab down {found.lab.name} ends it")
    name, nodes = found.lab.name, [each.name for each in found.lab.services]
    if options.json:
        print_json(
            {"name": name, "engine": where.name, "nodes": nodes, "networks": [n.name for n in found.lab.networks]}
        )
    else:
        print(f"{name} is up {where.where}: {', '.join(nodes)}")
    return 0


def _would_be(found: Found, as_json: bool) -> int:
    """The simulator starts nothing: the World that the lab would be."""
    from tui.cli.lab.listings import lab_json
    from tui.cli.listings import print_networks, print_nodes

    if as_json:
        print_json({"name": found.lab.name, "engine": "sim", **{k: lab_json(found)[k] for k in ("nodes", "networks")}})
    else:
        print_networks(found.world, as_json=False)
        print()
        print_nodes(found.world, as_json=False)
    note("nothing is started: this is the world that the lab would be")
    return 0


def _down(options: argparse.Namespace) -> int:
    name = find_lab(options.what).lab.name if is_file(options.what) else options.what
    where = _where_up(name, options)
    where.down(name, say)
    if options.json:
        print_json({"name": name, "engine": where.name})
    else:
        print(f"{name} is down")
    return 0


def _where_up(name: str, options: argparse.Namespace) -> Place:
    """The place that was named, else the one where the lab is up; raises UsageError where there is none, or two."""
    seen = _up_now(options)
    if len(seen) == 1:
        return seen[0][0]
    found = [each for each, names in seen if name in names]
    if len(found) > 1:
        raise UsageError(
            f"The lab {name} is up on {' and on '.join(each.name for each in found)}: choose with --engine."
        )
    if found:
        return found[0]
    up = [f"{each} ({where.name})" for where, names in seen for each in names]
    known = f"there is {', '.join(up)}" if up else "none is"
    raise UsageError(f"There is no lab named {clean(name)!r} up: {known}.")


def _exec(options: argparse.Namespace) -> int:
    if (cannot := cannot_run(options.run)) is not None:
        code, sentence = cannot
        print(f"routetui: {sentence}", file=sys.stderr)
        return code
    found = find_lab(options.what)
    _notes(found)
    with place(options).holding(found, say) as variables:
        sys.stdout.flush()
        code, sentence = run(options.run, variables)
    if sentence:
        print(f"routetui: {sentence}", file=sys.stderr)
    return code


def _notes(found: Found) -> None:
    for each in found.lab.notes:
        note(each)


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "list": _list,
    "show": _show,
    "up": _up,
    "down": _down,
    "exec": _exec,
}
