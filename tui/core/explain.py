"""What the values of core mean, in plain sentences: plain enough for a student, exact enough for an expert."""

from __future__ import annotations

from tui.core.query import Query
from tui.core.steps import Lookup, Step
from tui.core.world import Node, Route, World


def step(each: Step, query: Query) -> str:
    """One step of a lookup as a sentence."""
    raise NotImplementedError((each, query))


def decision(lookup: Lookup, node: Node, world: World | None = None) -> str:
    """The end of a lookup in a sentence; a failure with what would mend it."""
    raise NotImplementedError((lookup, node, world))


def route(each: Route, node: Node, world: World | None = None) -> str:
    """What a route says, in a few words without a full stop: "anything else, to the host"."""
    raise NotImplementedError((each, node, world))


def missing(node: Node) -> tuple[str, ...]:
    """What could not be read about a node, in words, one each."""
    raise NotImplementedError(node)
