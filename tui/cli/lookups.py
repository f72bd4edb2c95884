"""Lookups on the command line: one, told in words or JSON; or many from standard input, one JSON object a line."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from typing import Any, TextIO

from tui.cli.arguments import PACKET, UsageError
from tui.cli.output import faint, flat, note, print_json, strong
from tui.core import explain
from tui.core.destination import resolve
from tui.core.lookup import lookup
from tui.core.lookup.as_json import lookup_json
from tui.core.lookup.fib import Fib
from tui.core.query import Query, QueryError, parse_query
from tui.core.reading.route_line import ip_route_line
from tui.core.refusals import ERRNO_TEXT
from tui.core.steps import Decision, Failure, Lookup
from tui.core.text import clean
from tui.core.world import NextHop, Node, World

_WORDS = {"src": "from"}


def answer_one(node: Node, world: World, options: argparse.Namespace) -> bool | None:
    """Look up what the options describe and print it: True for a way, False for none, None where nobody can say.

    Raises UsageError for a query that cannot be read.
    """
    query = _query(node, world, options)
    found = lookup(node, query)
    if options.json:
        print_json(lookup_json(found, node, world, steps=True))
    else:
        _print_text(found, node, world, options)
    if found.decision.failure is Failure.UNKNOWN:
        return None
    return found.decision.failure is None


def _query(node: Node, world: World, options: argparse.Namespace) -> Query:
    words = [options.dst]
    for name in PACKET:
        value = getattr(options, name)
        if value is not None:
            if not value or value.split() != [value]:
                raise UsageError(f"--{_WORDS.get(name, name)} needs one word, not {value!r}.")
            words += [_WORDS.get(name, name), value]
    if not options.dst.strip() or options.dst.startswith("-"):
        raise UsageError(
            f"{options.dst!r} is no destination: write an address, a node's name, or - for standard input."
        )
    try:
        query = resolve(" ".join(words), world, node, 6 if ":" in (options.src or "") else None)
    except QueryError as error:
        raise UsageError(str(error)) from None
    if query.iif is not None and query.src is None:
        raise UsageError("--iif needs --from: a packet that comes in has a source address.")
    return query


def _print_text(found: Lookup, node: Node, world: World, options: argparse.Namespace) -> None:
    if options.dst != str(found.query.dst):
        owner = world.owner(found.query.dst)
        network = owner[1].network if owner else None
        print(flat(f"{options.dst} is {found.query.dst}{f' on {network}' if network else ''}."))
    if options.steps:
        for number, each in enumerate(found.steps, 1):
            print(flat(f"{number:3}. {explain.step(each, found.query)}"))
        print()
    print(flat(explain.decision(found, node, world)))
    for name, text in (
        ("answer", _answer(found.decision)),
        ("route", _route(found.decision)),
        ("ask", _ask(found.query)),
    ):
        if text:
            print(flat(f"  {strong(f'{name:6}')} {text}"))
    for assumed in found.decision.assumptions if found.decision.failure is not Failure.UNKNOWN else ():
        note(assumed)
    if node.unread:
        lines = "1 line" if len(node.unread) == 1 else f"{len(node.unread)} lines"
        note(f"not understood: {lines} of this node's tables; `routes` shows one.")


def _answer(decision: Decision) -> str:
    """The way in the words of ip-route(8), or the refusal by name."""
    if decision.failure is not None:
        words = ERRNO_TEXT.get(decision.errno or "")
        return f"{decision.failure}" + (f", {decision.errno} ({words})" if words else "")
    kind = "" if decision.type == "unicast" else f"{decision.type} "
    hops = decision.nexthops or (NextHop(decision.dev, decision.gateway),)
    source = f" src {decision.prefsrc}" if decision.prefsrc else ""
    return kind + " or ".join(explain.hop_words(hop) for hop in hops) + source


def _route(decision: Decision) -> str:
    if decision.route is None:
        return ""
    line = ip_route_line(decision.route).split("\n")[0]
    return line if decision.route.table != "main" else f"{line} {faint('(table main)')}"


def _ask(query: Query) -> str:
    return f"{' '.join(query.command())}"


def answer_lines(node: Node, world: World, lines: TextIO, steps: bool) -> bool:
    """Answer each line of queries with a line of JSON, as they come; False where a line could not be read.

    Empty lines and lines that begin with # are passed over. The node's tables are prepared once.
    """
    fib, sound = Fib(node), True
    for line in _text_lines(lines):
        words = line.strip()
        if not words or words.startswith("#"):
            continue
        try:
            query = parse_query(words)
            answer: dict[str, Any] = lookup_json(lookup(fib, query, trace=steps), node, world, steps=steps)
        except QueryError as error:
            sound, answer = False, {"query": words, "error": str(error)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    return sound


def _text_lines(lines: TextIO) -> Iterable[str]:
    """The lines, made safe; bytes that are no UTF-8 are replaced, and the line then fails as a query by itself."""
    data = getattr(lines, "buffer", None)
    if data is None:
        yield from (clean(line) for line in lines)
        return
    for raw in data:
        yield clean(raw.decode("utf-8", "replace"))
