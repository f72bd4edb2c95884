"""The command line: read the arguments, choose an engine, open the screen or print an answer; and the exit codes."""

from __future__ import annotations

import argparse
import gc
import os
import sys
import traceback
from collections.abc import Callable, Sequence

from tui.cli.arguments import UsageError, parse
from tui.core.text import clean
from tui.core.world import World
from tui.engines.base import EngineError, ReadOnly

DONE, NEGATIVE, MISTAKE, UNREADABLE = 0, 1, 2, 3
"""Exit codes of the contract: yes or done; a negative answer; a mistake in the input; an engine or table unread."""

BUG, INTERRUPTED, UNHEARD = 70, 130, 141
"""EX_SOFTWARE of sysexits.h, and the shell's codes for a process that SIGINT or SIGPIPE ended."""


def run(argv: Sequence[str]) -> int:
    """Do what the arguments say. Trouble is one sentence on standard error and an exit code; nothing is raised."""
    _prepare_output()
    try:
        code = _dispatch(argv)
        sys.stdout.flush()
        return code
    except UsageError as error:
        return _complain(str(error), MISTAKE)
    except ReadOnly as error:
        return _complain(str(error), MISTAKE, error.hint)
    except EngineError as error:
        return _complain(str(error), UNREADABLE, error.hint)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _hush()
        return UNHEARD
    except SystemExit as leaving:  # argparse, after --help and --version
        return leaving.code if isinstance(leaving.code, int) else DONE
    except Exception as error:
        return _bug(error)


def _prepare_output() -> None:
    """A name that the terminal's encoding lacks is shown escaped, never an exception."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _hush() -> None:
    """Nobody reads standard output any more: what is still buffered goes nowhere, so that the exit is quiet."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        sys.stdout = None  # a stream without a file: there is nothing to flush


def _complain(sentence: str, code: int, hint: str = "") -> int:
    lines = [f"routetui: {' '.join(clean(sentence).split())}", *(f"  {clean(line)}" for line in hint.splitlines())]
    print("\n".join(lines), file=sys.stderr)
    return code


def _bug(error: Exception) -> int:
    if os.environ.get("ROUTETUI_DEBUG"):
        traceback.print_exception(error)
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {os.path.basename(frames[-1].filename)}, line {frames[-1].lineno}" if frames else ""  # noqa: PTH119
    text = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    return _complain(
        f"This is a bug in routetui, not your mistake ({text}{place}).",
        BUG,
        "Please report it with the command you gave and what ROUTETUI_DEBUG=1 prints when you repeat it.",
    )


def _dispatch(argv: Sequence[str]) -> int:
    if argv[:1] == ["_complete"]:
        from tui.cli.completion import complete

        return complete(argv[1:])
    options = parse(argv)
    if options.command is None:
        from tui.cli.opening import open_screen

        return open_screen(options)
    return _COMMANDS[options.command](options)


def _world(options: argparse.Namespace) -> World:
    """The World of now through the chosen engine, which is closed again."""
    from tui.cli.choose import choose

    # A large table is millions of objects that all stay: looking among them for garbage costs more than reading them.
    gc.disable()
    engine = choose(options, fall_back=False).engine
    try:
        return engine.snapshot()
    finally:
        engine.close()
        gc.freeze()
        gc.enable()


def _nodes(options: argparse.Namespace) -> int:
    from tui.cli.listings import print_nodes

    print_nodes(_world(options), options.json)
    return DONE


def _networks(options: argparse.Namespace) -> int:
    from tui.cli.listings import print_networks

    print_networks(_world(options), options.json)
    return DONE


def _routes(options: argparse.Namespace) -> int:
    from tui.cli.tables import print_routes
    from tui.cli.which import find_node, tables_of

    world = _world(options)
    node = tables_of(find_node(options.node, world), world)
    return DONE if print_routes(node, world, options) else UNREADABLE


def _lookup(options: argparse.Namespace) -> int:
    from tui.cli.lookups import answer_lines, answer_one
    from tui.cli.which import find_node, tables_of

    world = _world(options)
    node = tables_of(find_node(options.node, world), world)
    if options.dst == "-":
        return DONE if answer_lines(node, world, sys.stdin, options.steps) else MISTAKE
    return {True: DONE, False: NEGATIVE, None: UNREADABLE}[answer_one(node, world, options)]


def _path(options: argparse.Namespace) -> int:
    from tui.cli.path_commands import print_path

    return {True: DONE, False: NEGATIVE, None: UNREADABLE}[print_path(_world(options), options)]


def _matrix(options: argparse.Namespace) -> int:
    from tui.cli.matrix_command import print_matrix

    print_matrix(_world(options), options)
    return DONE


def _check(options: argparse.Namespace) -> int:
    from tui.cli.check_command import check

    return {True: DONE, False: NEGATIVE, None: UNREADABLE}[check(options)]


def _route(options: argparse.Namespace) -> int:
    from tui.cli.route_commands import route

    return route(options)


def _probe(options: argparse.Namespace) -> int:
    from tui.cli.probe_commands import probe

    return {True: DONE, False: NEGATIVE, None: UNREADABLE}[probe(options)]


def _capture(options: argparse.Namespace) -> int:
    from tui.cli.follow_commands import print_capture

    return DONE if print_capture(options) else NEGATIVE


def _follow(options: argparse.Namespace) -> int:
    from tui.cli.follow_commands import print_follow

    return DONE if print_follow(options) else NEGATIVE


def _save(options: argparse.Namespace) -> int:
    from tui.cli.files import write_world

    world = _world(options)
    write_world(world, options.file)
    if options.file != "-":
        count = len(world.nodes)
        print(f"saved {count} node{'s' if count != 1 else ''} to {clean(options.file)}", file=sys.stderr)
    return DONE


def _completion(options: argparse.Namespace) -> int:
    from tui.cli.completion import script

    sys.stdout.write(script(options.shell))
    return DONE


def _lab(options: argparse.Namespace) -> int:
    from tui.cli.choose import read_only
    from tui.cli.lab.commands import lab

    if options.lab_command in ("up", "down", "exec") and read_only(options):
        raise ReadOnly(f"This is read-only: no lab is brought up, taken down or run ({options.lab_command}).")
    return lab(options)


def _run(options: argparse.Namespace) -> int:
    from tui.cli.run_command import run_command

    return run_command(options)


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "nodes": _nodes,
    "networks": _networks,
    "routes": _routes,
    "lookup": _lookup,
    "path": _path,
    "matrix": _matrix,
    "check": _check,
    "ping": _probe,
    "traceroute": _probe,
    "connect": _probe,
    "capture": _capture,
    "follow": _follow,
    "route": _route,
    "run": _run,
    "save": _save,
    "lab": _lab,
    "completion": _completion,
}
