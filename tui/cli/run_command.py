"""`routetui run NODE COMMAND`: a command in a node's network, wherever that is, with its lines and its exit code."""

from __future__ import annotations

import argparse

from tui.cli.arguments import UsageError
from tui.cli.choose import choose

GONE = 1
"""The exit code of a command whose own could not be learnt."""


def run_command(options: argparse.Namespace) -> int:
    """Run it to its end; its exit code. Ctrl-C ends it. Raises UsageError, EngineError."""
    words = options.words[1:] if options.words[:1] == ["--"] else options.words
    if not words:
        raise UsageError("There is no command to run: write it after the node, such as `routetui run web -- ip route`.")
    engine = choose(options, fall_back=False).engine
    try:
        run = engine.run(options.node, words)
        try:
            for line in run:
                print(line, flush=True)
        finally:
            run.close()
        return GONE if run.code is None else run.code
    finally:
        engine.close()
