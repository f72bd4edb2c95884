"""`routetui route add|del`: a route more or less, shown before it is made, made, and said how to undo."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any

from tui.cli.arguments import UsageError
from tui.cli.choose import Choice, choose
from tui.cli.output import flat, note, print_json, strong
from tui.cli.which import find_node
from tui.core.changes import AddRoute, Change, DeleteRoute, ReplaceRoute
from tui.core.changes.differences import Row
from tui.core.changes.preview import Command, Preview, brief, preview, stand_in
from tui.core.changes.worded import addition, deletion
from tui.core.changes.written import Complaint
from tui.core.lookup.as_json import lookup_json
from tui.core.path.as_json import path_json
from tui.core.reading.route_line import ip_route_json, ip_route_line
from tui.core.text import clean
from tui.core.world import Node, World
from tui.engines.base import Asks, Engine, EngineError

DONE, REFUSED = 0, 1
"""It is done, or would be; the kernel refuses what was foreseen to go well."""


def route(options: argparse.Namespace) -> int:
    """Do what `routetui route` was asked for; its exit code. Raises UsageError and EngineError."""
    choice = choose(options, fall_back=False)
    try:
        world = choice.engine.snapshot()
        found = _foreseen(world, find_node(options.node, world), options)
        if options.dry_run:
            _print(found, world, options)
            return DONE
        return _make(choice, found, world, options)
    finally:
        choice.engine.close()


def _foreseen(world: World, node: Node, options: argparse.Namespace) -> Preview:
    """What would come of it; UsageError where that is a refusal."""
    try:
        change = _change(world, node, options)
    except Complaint as complaint:
        raise UsageError(_with_offer(complaint)) from None
    address = stand_in(world, node.name, _route(change).dst)
    found = preview(change, world, look=address, at=node.name, paths=((node.name, address),))
    if found.after is None:
        told = f" The kernel would say: {found.words}" if found.words else ""
        raise UsageError(f"{found.refused}{told}")
    return found


def _change(world: World, node: Node, options: argparse.Namespace) -> AddRoute | ReplaceRoute | DeleteRoute:
    if options.route_command == "add":
        change = addition(options.words, world, node.name)
        assert isinstance(change, AddRoute | ReplaceRoute)
        return change
    deleted, fitting = deletion(options.words, world, node)
    if fitting > 1:
        note(f"{fitting} routes fit: this is the first one, which the kernel takes.")
    return deleted


def _with_offer(complaint: Complaint) -> str:
    """The sentence, with what would mend it where it does not say so itself."""
    if complaint.offer is None or complaint.offer[1] in str(complaint) or complaint.offer[0] == "replaces":
        return str(complaint)
    return f"{complaint} Perhaps: {' '.join(complaint.offer)}."


def _route(change: Change) -> Any:
    assert isinstance(change, AddRoute | ReplaceRoute | DeleteRoute)
    return change.route


# --- making it ---


def _make(choice: Choice, found: Preview, world: World, options: argparse.Namespace) -> int:
    making = _begin(choice.engine, found.change, world, options)
    lines = [flat(each) for each in making if each]
    if options.json:
        _print_done(found, making.code or 0, making.how, lines)
    else:
        for each in found.commands:
            print(_told(each))
        for line in lines:
            print(line, file=sys.stderr)
        if making.code == 0:
            print(f"  {strong('done')}  {flat(making.how)}")
            print(f"  {strong('undo')}  {_undo(found)}")
    if making.code != 0:
        words = lines[-1] if lines and options.json else ""
        print(f"routetui: It was refused, and nothing is changed{f': {words}' if words else '.'}", file=sys.stderr)
        return REFUSED
    if choice.passing:
        note("it is gone again: this was opened for now only. --dry-run shows what would come of it.")
    return DONE


def _begin(engine: Engine, change: Change, world: World, options: argparse.Namespace) -> Any:
    try:
        return engine.change(change, world, options.agree)
    except Asks as asked:
        raise EngineError(str(asked), f"{asked.hint}\nTo agree: --agree {asked.word}".strip()) from None


def _told(command: Command) -> str:
    """The command, with the node where it runs."""
    return flat(f"{clean(command.node or 'here')}: {' '.join(command.words)}")


def _undo(found: Preview) -> str:
    return "; ".join(_told(each) for each in found.undo) or flat(found.no_undo) or "nothing to undo"


def _print_done(found: Preview, code: int, how: str, lines: list[str]) -> None:
    print_json({"done": code == 0, "how": how, "said": lines, **_commands(found)})


# --- showing it ---


def _print(found: Preview, world: World, options: argparse.Namespace) -> None:
    if options.json:
        print_json(_as_json(found, world))
        return
    for each in found.commands:
        print(_told(each))
    for name, text in _lines(found):
        print(flat(f"  {strong(f'{name:8}')} {text}"))
    note("nothing is done (--dry-run).")


def _lines(found: Preview) -> Iterator[tuple[str, str]]:
    """What would be, a name and a text a line."""
    for command in found.commands:
        if command.classic is not None:
            yield "classic", " ".join(command.classic)
    for table in found.tables:
        for row in table.changed:
            name = f"table {table.table}" if table.table != "main" else "table"
            yield name, _row(row)
    for other in found.others:
        yield "also", other
    if found.look is not None and found.look.after is not None:
        same = found.look.now == found.look.then
        if not same:
            yield "now", found.look.now
        yield "then", found.look.then + (" (as now)" if same else "")
    for each in found.paths:
        if each.before is not None and each.after is not None:
            ends = f"{each.src} to {each.dst}"
            yield "path", f"{ends}, now: {brief(each.before)}"
            yield "", f"{' ' * len(ends)} then: {brief(each.after)}"
    yield "undo", _undo(found)


def _row(row: Row) -> str:
    line = ip_route_line(row.route).replace("\n", " ").replace("\t", " ")
    return f"{row.sign} {line}" + (f" (was {ip_route_line(row.was).strip()})" if row.was is not None else "")


def _as_json(found: Preview, world: World) -> dict[str, Any]:
    rows = [
        {
            "node": table.node,
            "table": table.table,
            "family": table.family,
            "change": _SIGNS[row.sign],
            "route": ip_route_json(row.route),
            "was": ip_route_json(row.was) if row.was is not None else None,
        }
        for table in found.tables
        for row in table.changed
    ]
    looked, after = found.look, found.after
    node = world.node(looked.node) if looked is not None else None
    then = after.node(looked.node) if looked is not None and after is not None else None
    return {
        "done": False,
        "dry_run": True,
        **_commands(found),
        "changes": rows,
        "also": list(found.others),
        "lookup": {
            "before": lookup_json(looked.before, node, world, steps=False) if looked and node else None,
            "after": lookup_json(looked.after, then, after, steps=False) if looked and looked.after and then else None,
        },
        "path": {
            "before": next((path_json(each.before) for each in found.paths if each.before is not None), None),
            "after": next((path_json(each.after) for each in found.paths if each.after is not None), None),
        },
    }


_SIGNS = {"+": "added", "-": "removed", "~": "changed", "=": "kept"}


def _commands(found: Preview) -> dict[str, Any]:
    return {
        "commands": [_command(each) for each in found.commands],
        "undo": [_command(each) for each in found.undo],
        "no_undo": found.no_undo or None,
    }


def _command(command: Command) -> dict[str, Any]:
    classic = " ".join(command.classic) if command.classic is not None else None
    return {"node": command.node, "command": " ".join(command.words), "classic": classic}
