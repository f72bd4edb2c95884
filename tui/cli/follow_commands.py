"""`routetui capture` and `routetui follow`: packets as interfaces see them, in lines, JSON or a file for Wireshark."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator
from typing import BinaryIO

from tui.cli.arguments import UsageError
from tui.cli.choose import Choice, choose
from tui.cli.output import faint, flat, note, print_json, strong
from tui.cli.path_commands import end_of
from tui.cli.which import find_node, tables_of
from tui.core.follow.as_json import follow_json
from tui.core.follow.as_text import follow_lines
from tui.core.packets.as_json import frame_json
from tui.core.packets.as_text import COLUMNS, cells
from tui.core.packets.filter import FilterError
from tui.core.probes import ANY, Capture, ProbeError
from tui.core.query import QueryError
from tui.core.text import clean
from tui.core.world import Node, World
from tui.engines import capture
from tui.engines.base import EngineError
from tui.engines.capture import Capturing

WIDTHS = (11, 9, 5, 20, 20, 8, 3, 6, 0)
MOST_PINGS = 20


def print_capture(options: argparse.Namespace) -> bool:
    """Capture and print, or write; whether anything was seen. Raises UsageError, EngineError."""
    with _chosen(options) as (choice, world):
        node = find_node(options.node, world)
        near = tables_of(node, world)
        asked = _asked(options, near)
        try:
            running = capture.start(choice.engine, node.name, asked, world)
        except FilterError as error:
            raise UsageError(_pointed(asked, near, error)) from None
        try:
            with _target(options.write) as file:
                count = _shown(running, options, asked, file)
        finally:
            running.close()
    if running.lost:
        note(f"{running.lost} packets came too fast and were lost")
    if running.problem:
        raise EngineError(running.problem)
    return count > 0


@contextlib.contextmanager
def _chosen(options: argparse.Namespace) -> Iterator[tuple[Choice, World]]:
    """The engine, open while the block runs, and its World."""
    choice = choose(options, fall_back=False)
    try:
        yield choice, choice.engine.snapshot()
    finally:
        choice.engine.close()


def _asked(options: argparse.Namespace, node: Node) -> Capture:
    """The capture that the words describe: the first may name an interface."""
    words = list(options.words)
    dev = ANY
    if words and (words[0] == ANY or node.interface(words[0]) is not None):
        dev = words.pop(0)
    try:
        return Capture(dev, " ".join(words), options.count, options.seconds)
    except ProbeError as error:
        raise UsageError(str(error)) from None


def _pointed(asked: Capture, node: Node, error: FilterError) -> str:
    """The sentence with the place of the mistake; the first word may have been meant as an interface."""
    text = asked.filter
    if error.at == 0 and asked.dev == ANY:
        devices = ", ".join(each.name for each in node.interfaces)
        return f"{text.split()[0]!r} is no interface of {node.name} (it has {devices}) and begins no filter: {error}"
    place = f"at character {error.at + 1} of" if error.at < len(text) else "at the end of"
    return f"The filter cannot be read {place} {text!r}: {error}"


@contextlib.contextmanager
def _target(name: str | None) -> Iterator[BinaryIO | None]:
    """The file that is written, if one is."""
    if name is None:
        yield None
    elif name == "-":
        yield sys.stdout.buffer
    else:
        try:
            file = open(name, "wb")  # noqa: PTH123, SIM115  # it is closed below
        except OSError as error:
            raise UsageError(f"{clean(name)} cannot be written: {error.strerror}.") from None
        with file:
            yield file


def _shown(running: Capturing, options: argparse.Namespace, asked: Capture, file: BinaryIO | None) -> int:
    """Show each frame as it comes; how many there were. Ctrl-C is the person's way to say: enough."""
    from tui.engines.capture_files import PcapFile

    kept = PcapFile(file, asked.dev == ANY) if file is not None else None
    quiet = options.json or options.write == "-"
    if not quiet:
        print(faint(flat(f"on {options.node}, {running.how}")))
        print(strong(_columns(COLUMNS)), flush=True)
    count, start = 0, 0
    with contextlib.suppress(KeyboardInterrupt):
        for frame in running:
            count += 1
            start = start or frame.time
            if kept is not None and file is not None:
                kept.add(frame)
                file.flush()
            if options.json:
                print(json.dumps(frame_json(frame)), flush=True)
            elif not quiet:
                print(flat(_columns(cells(frame, start))), flush=True)
    if not count and not quiet:
        note("no packet was seen")
    if file is not None:
        note(f"{count} packet{'s' if count != 1 else ''} written to {clean(options.write)}")
    return count


def _columns(row: tuple[str, ...]) -> str:
    return " ".join(cell.ljust(width) for cell, width in zip(row, WIDTHS, strict=True)).rstrip()


def print_follow(options: argparse.Namespace) -> bool:
    """Follow a ping and print what was seen; whether the reply came back. Raises UsageError, EngineError."""
    from tui.engines.capture_follow import Following

    if not 1 <= options.count <= MOST_PINGS:
        raise UsageError(f"The count must be from 1 to {MOST_PINGS}, not {options.count}.")
    with _chosen(options) as (choice, world):
        src, dst = (end_of(word, world) for word in (options.node, options.dst))
        try:
            following = Following(choice.engine, world, src, dst, options.count)
        except QueryError as error:
            raise UsageError(str(error)) from None
        try:
            found = following.run()
        finally:
            following.close()
    if options.json:
        print_json(follow_json(found))
    else:
        for line in follow_lines(found, options.ports):
            print(flat(line))
    return found.reached
