"""Undo and redo as a value: the changes really made, in order, each with its way back and what it had left behind."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tui.core.changes import Change, apply, placed
from tui.core.changes.inverse import inverse
from tui.core.changes.sentence import sentence
from tui.core.changes.traces import Trace, moved, traces
from tui.core.commands.refused import ChangeRefused
from tui.core.world import World

Commands = tuple[tuple[str | None, tuple[str, ...]], ...]
"""Commands in order, each with the node that it runs in, None for the engine's own."""


@dataclass(frozen=True, slots=True)
class Done:
    """A change that was made. `back` takes it back; where that is None, `why` says why nothing can.

    `before` and `after` are what it found and what it left of all that it touches.
    """

    change: Change
    back: Change | None
    why: str
    before: tuple[Trace, ...]
    after: tuple[Trace, ...]
    commands: Commands
    back_commands: Commands


@dataclass(frozen=True, slots=True)
class History:
    """What was made and not taken back, in order, and what was taken back and may be made again, the next one last."""

    done: tuple[Done, ...] = ()
    undone: tuple[Done, ...] = ()


def made(history: History, change: Change, before: World) -> History:
    """The history after a change was made in this World; what was undone can be redone no more.

    Raises ChangeRefused where the change could not have been made there.
    """
    after = apply(change, before)
    back, why = None, ""
    try:
        back = inverse(change, before)
    except ChangeRefused as refused:
        why = str(refused)
    step = Done(
        change,
        back,
        why,
        traces(change, before, after, before),
        traces(change, before, after, after),
        placed(change, before),
        placed(back, after) if back is not None else (),
    )
    return History((*history.done, step))


def undo(history: History, world: World) -> Change:
    """The change that takes the last one back in the World as it is now. Raises ChangeRefused, a sentence.

    It is refused when the World has moved on: what the change had left is not as it was left any more. Once the
    change has been made, `undid` is the history.
    """
    if not history.done:
        raise ChangeRefused("There is nothing to undo.")
    last = history.done[-1]
    if last.back is None:
        raise ChangeRefused(f"This cannot be undone: {last.why}")
    return _checked(last.back, last.after, world, f"Undo of {_quoted(last.change)}")


def undid(history: History) -> History:
    """The history once the last change was taken back."""
    return History(history.done[:-1], (*history.undone, history.done[-1]))


def redo(history: History, world: World) -> Change:
    """The change that was undone last, to be made again. Raises ChangeRefused as `undo` does."""
    if not history.undone:
        raise ChangeRefused("There is nothing to redo.")
    step = history.undone[-1]
    return _checked(step.change, step.before, world, f"Redo of {_quoted(step.change)}")


def redid(history: History) -> History:
    """The history once the change was made again."""
    return History((*history.done, history.undone[-1]), history.undone[:-1])


def _checked(change: Change, expected: tuple[Trace, ...], world: World, what: str) -> Change:
    for trace in expected:
        told = moved(trace, world)
        if told is not None:
            raise ChangeRefused(f"{what} is refused: {told}.")
    apply(change, world)
    return change


def _quoted(change: Change) -> str:
    return f"“{sentence(change).rstrip('.')}”"


# --- scripts ---


def docker(node: str | None) -> tuple[str, ...]:
    """What stands before a command that runs in a container."""
    return ("docker", "exec", node) if node is not None else ()


def podman(node: str | None) -> tuple[str, ...]:
    """The same on Podman."""
    return ("podman", "exec", node) if node is not None else ()


def netns(node: str | None) -> tuple[str, ...]:
    """What stands before a command that runs in a named network namespace (ip-netns(8))."""
    return ("ip", "netns", "exec", node) if node is not None else ()


_IN_NETWORK = """\
in_network() {  # a command of this machine in a container's network; as root
    pid=$(%s inspect -f '{{.State.Pid}}' "$1"); shift
    nsenter -t "$pid" -n -- "$@"
}"""


def in_network(program: str) -> str:
    """A shell function for what was changed from the engine's machine: the container may have no `ip`, and no right.

    `program` is the engine's, docker or podman.
    """
    return _IN_NETWORK % program


def entered(node: str | None) -> tuple[str, ...]:
    """What stands before a command of this machine that runs in a container's network; needs `in_network` above it."""
    return ("in_network", node) if node is not None else ()


def script(
    history: History,
    undo: bool = False,
    prefix: Callable[[str | None], Sequence[str]] = docker,
    head: Sequence[str] = (),
) -> str:
    """A shell script that does everything that is done, or with `undo` takes all of it back, last first.

    It has one command a line and stops at the first that fails. `prefix` gives the words before a command by the
    node that it runs in (None: the engine's own). What cannot be undone is a comment. `head` comes before the first.
    """
    lines = ["#!/bin/sh", "set -e", *head]
    steps = history.done[::-1] if undo else history.done
    for step in steps:
        lines += list(_lines(step, undo, prefix))
    return "\n".join(lines) + "\n"


def _lines(step: Done, undo: bool, prefix: Callable[[str | None], Sequence[str]]) -> Iterator[str]:
    if undo and step.back is None:
        yield "# " + " ".join(f"not undone: {sentence(step.change)} {step.why}".split())
    for node, words in step.back_commands if undo else step.commands:
        yield shlex.join([*prefix(node), *words])
