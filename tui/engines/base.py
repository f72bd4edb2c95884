"""The one seam between routetui and a system under it: the Engine and Run protocols, EngineError, and clean()."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from tui.core.firewall.values import Ruleset
from tui.core.text import clean
from tui.core.world import World

if TYPE_CHECKING:
    from tui.core.changes import Change  # what they do is needed only once something is changed

__all__ = [
    "Asks",
    "Counts",
    "Engine",
    "EngineError",
    "Enters",
    "Making",
    "RawRun",
    "ReadOnly",
    "Run",
    "Streams",
    "clean",
    "no_such_node",
]


class EngineError(Exception):
    """The engine itself cannot be reached or read; str() is one sentence that says what to do.

    `hint` may hold a second line with the command or setting that would help.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class Asks(EngineError):
    """It can be done, but only in a way that a person has to agree to first; str() is the question.

    `word` is what to give in `agreed` when the change is asked for again.
    """

    def __init__(self, question: str, word: str, hint: str = "") -> None:
        super().__init__(question, hint)
        self.word = word


class ReadOnly(EngineError):
    """The engine was opened with --read-only: nothing is changed through it."""


def no_such_node(name: str, names: Sequence[str]) -> EngineError:
    """The error for a node that is not there, with the names that come near."""
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    hint = f"Did you mean {' or '.join(near)}?" if near else "`routetui nodes` lists what there is."
    return EngineError(f"There is no node named {name!r}. {hint}")


class Run(Protocol):
    """One command in a node's network: iterate its clean lines, then read its exit code.

    `code` is None until the command has ended. `close()` ends it, may be called from any thread, more than once.
    """

    argv: tuple[str, ...]
    code: int | None

    def __iter__(self) -> Iterator[str]: ...

    def close(self) -> None:
        """End the command now, if it still runs."""
        ...


class Making(Run, Protocol):
    """A Run that carries out a change: its lines are what the system said, code 0 means that all of it was made.

    With any other code nothing of it is left. `argv` is the (first) command that the person was shown; `how` says by
    which way it was done ("in its namespace, by netlink"; "docker exec --privileged"), "" until that is known.
    """

    how: str


class Engine(Protocol):
    """A system that has networks and nodes. Every method blocks and may be called from any thread.

    `label` is what the title shows (docker://local 26.1). Trouble with one node goes into that node; EngineError means
    that the engine itself is gone or refuses.
    """

    label: str

    def snapshot(self, patience: float | None = None, fresh: bool = False) -> World:
        """Read everything; with `patience`, wait at most that many seconds for the tables of nodes.

        A node not yet read then has all TOPICS in `missing` and says so in `problem`; `watch` yields when its tables
        have come. An engine that is being watched may answer from what it read before where it would know of a
        change; `fresh` has it read all of it again.
        """
        ...

    def watch(self) -> Iterator[None]:
        """Yield whenever something changed and a new snapshot is worth taking; end when the engine is closed.

        Changes count from this call on: call it, then take the first snapshot. Raises EngineError, from here or
        from the iterator, when the engine is away; a later call tries again.
        """
        ...

    def run(self, node: str, argv: Sequence[str]) -> Run:
        """Start a command in that node's network. Raises EngineError when it cannot even be tried."""
        ...

    def change(self, change: Change, world: World, agreed: Collection[str] = ()) -> Making:
        """Begin to make a change: its commands are those of `placed(change, world)`, in order, all of them or none.

        `world` is the World in which a person was shown its effect. What the kernel or the engine refuses is a Making
        that ends with a code other than 0 and their words as its lines. Raises EngineError where it cannot even be
        tried, Asks where a person has to agree to the way first (`agreed` holds the words agreed to), ReadOnly.
        """
        ...

    def close(self) -> None:
        """End whatever the engine started. Safe to call twice and from any thread."""
        ...


@runtime_checkable
class Counts(Protocol):
    """An engine that reads packet filters with their counters: evidence of what they did between two readings."""

    def filters(self, node: str) -> Ruleset | None:
        """A node's filters as they are now, for tui.core.firewall.rose; None where they are not read."""
        ...


@runtime_checkable
class Enters(Protocol):
    """An Engine that may have a way into a node's network for programs of this machine: labs, namespaces, Docker here.

    What `run` starts is the node's own program where the node has files of its own, as a container has; what `enter`
    starts is this machine's, so that a node needs none.
    """

    def enter(self, node: str, argv: Sequence[str]) -> Run:
        """Start a program of this machine in that node's network.

        Raises EngineError where it cannot be tried: no such node, or no way in, and then what would be needed.
        """
        ...


class RawRun(Protocol):
    """A command whose output is no text: iterate the bytes of its standard output, then read its exit code.

    `said` are the clean lines of its other stream so far. The rest is as in a Run.
    """

    argv: tuple[str, ...]
    code: int | None
    said: list[str]

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None:
        """End the command now, if it still runs."""
        ...


@runtime_checkable
class Streams(Protocol):
    """An Engine that can hand on what a node's own program writes as bytes (`tcpdump -w -`)."""

    def stream(self, node: str, argv: Sequence[str]) -> RawRun:
        """Start a command in that node. Raises EngineError as `Engine.run` does."""
        ...
