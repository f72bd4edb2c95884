"""Walk 2: a step of the lookup; the table follows its eyes, and at its end the kernel is asked."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial

from textual import on
from textual.worker import WorkType

from tui.background import start
from tui.core.query import Query
from tui.engines.base import EngineError
from tui.panels.lookup import LookupPanel
from tui.panels.places import Places
from tui.panels.verdict import Answer
from tui.walks.state import State

PATIENCE = 10.0
"""Seconds that a kernel has to answer `ip route get`."""


class Step(State):
    """What happens between the places, the lookup and the table."""

    @on(Places.Selected)
    def _selected(self, event: Places.Selected) -> None:
        self.selected = event.node

    @on(Places.Entered)
    def _entered(self, event: Places.Entered) -> None:
        self.selected = event.node
        self.query_one(LookupPanel).ask()

    @on(LookupPanel.Stepped)
    def _stepped(self, event: LookupPanel.Stepped) -> None:
        """The table under the lookup's eyes is the one that is shown, and the path is that of its question."""
        if event.route is not None:
            self.family = event.route.family
        if event.table is not None:
            self.table = event.table
        self.candidate = event.route
        self.question = self.screen_stack[0].query_one(LookupPanel).question

    @on(LookupPanel.Asked)
    def _asked(self, event: LookupPanel.Asked) -> None:
        self.answer = None
        work: WorkType[None] = partial(self._ask, event.node, event.query)
        self.run_worker(
            work,
            description="ask the kernel",
            group="ask",
            exclusive=True,
            exit_on_error=False,
        )

    async def _ask(self, node: str, query: Query) -> None:
        """Let the node's kernel answer; bounded, and never more than one at a time."""
        asking = start(self._ip_route_get, node, query)
        entry = self.record("ask", f"Ask {node} for the route to {query.dst}.", ((node, query.command()),))
        try:
            self.answer = answer = await asyncio.wait_for(asyncio.wrap_future(asking), PATIENCE)
        except TimeoutError:
            self.answer = answer = Answer(node, query, trouble=f"no answer in {PATIENCE:g} seconds; r asks again")
        lines = answer.lines or ((answer.trouble,) if answer.trouble else ())
        self.amend(replace(entry, code=None if answer.trouble else answer.code, lines=lines, ended=True))

    def _ip_route_get(self, node: str, query: Query) -> Answer:
        try:
            run = self.engine.run(node, query.command())
        except EngineError as error:
            return Answer(node, query, trouble=str(error))
        self.runs.add(run)
        try:
            lines = tuple(run)
            return Answer(node, query, lines, run.code or 0)
        except EngineError as error:
            return Answer(node, query, trouble=str(error))
        finally:
            run.close()
            self.runs.discard(run)
