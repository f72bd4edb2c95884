"""Probes that run: which tool a node has for one, its lines read as they come, bounded in time, ended on demand."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from tui.core.probes import Ping, Probe, ProbeError, TcpConnect, Traceroute
from tui.core.probes.dialects import QUESTION, Dialect, Tools, argv, read_tools
from tui.core.probes.lines import Reader
from tui.core.probes.reading import reader
from tui.core.probes.results import Event, Result, TraceHop
from tui.core.world import World
from tui.engines.base import Engine, EngineError, Enters, Run

GRACE = 5.0
"""Seconds over what a probe may take until it is ended: a tool needs its time to start, and a slow machine more."""

ASKING = 10.0
"""Seconds that a node has to say which tools it has."""

GIVES_UP = 5
"""After so many silent hops in a row a traceroute is ended: behind them there is nothing but stars (as mtr does)."""


class Probing:
    """A probe that runs: iterate its events, in one thread; `result` at any time; `close` from any thread.

    `argv` is the command, `how` says by which way it is sent. `cut` tells in a sentence why it was ended early, ""
    where it was not.
    """

    def __init__(self, run: Run, probe: Probe, dialect: Dialect, how: str) -> None:
        self.argv = run.argv
        self.probe = probe
        self.dialect = dialect
        self.how = how
        self.cut = ""
        self._run = run
        self._reader: Reader = reader(probe, dialect)
        self._reading = threading.Lock()
        self._silent: set[int] = set()
        self._timer = threading.Timer(probe.lasts + GRACE, self._late)
        self._timer.daemon = True
        self._timer.start()

    @property
    def result(self) -> Result:
        """What was found so far; may be asked for from any thread."""
        with self._reading:
            return self._reader.result()

    @property
    def code(self) -> int | None:
        """The exit code of the tool, None while it runs."""
        return self._run.code

    def __iter__(self) -> Iterator[Event]:
        """The events, until the tool has ended or the probe was closed. Raises EngineError where the engine is gone."""
        try:
            for line in self._run:
                yield from self._told(line)
            with self._reading:
                last = tuple(self._reader.end(self._run.code))
            yield from last
        finally:
            self.close()

    def _told(self, line: str) -> Iterator[Event]:
        with self._reading:
            events = tuple(self._reader.feed(line))
        for event in events:
            yield event
            if isinstance(event, TraceHop) and isinstance(self.probe, Traceroute):
                self._give_up(event, self.probe.queries)

    def _give_up(self, hop: TraceHop, queries: int) -> None:
        if hop.answers:
            self._silent.discard(hop.ttl)
        elif hop.silent >= queries:
            self._silent.add(hop.ttl)
        row = all(hop.ttl - back in self._silent for back in range(GIVES_UP))
        if row and not self.cut:
            self.cut = f"It was ended after {GIVES_UP} silent hops in a row."
            self._run.close()

    def _late(self) -> None:
        self.cut = self.cut or "It was ended, since it took longer than it ever should."
        self._run.close()

    def close(self) -> None:
        """End it now: within a second nothing of it is left. Safe to call twice."""
        self._timer.cancel()
        self._run.close()


class Probes:
    """Starts probes through an engine. Each node is asked once which tools it has."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._tools: dict[tuple[str, str], Tools] = {}

    def start(self, world: World, node: str, probe: Probe) -> Probing:
        """Start a probe on a node: with the node's own tool, else with routetui's prober in the node's network.

        Blocks for as long as it takes to ask the node for its tools. Raises EngineError with a sentence that says what
        is missing and what would be needed.
        """
        try:
            dialect = self._tools_of(world, node).fit(probe)
        except ProbeError as error:
            self._tools.pop(self._key(world, node), None)  # it is asked again next time: tools can be installed
            return self._own(node, probe, str(error))
        run = self._engine.run(node, argv(probe, dialect))
        simulated = getattr(run, "how", "")
        tool = dialect if dialect in (Dialect.BASH, Dialect.TRACEROUTE) else f"{run.argv[0]} ({dialect})"
        return Probing(run, probe, dialect, simulated or f"with {tool} of {node}")

    def _tools_of(self, world: World, name: str) -> Tools:
        key = self._key(world, name)
        if key not in self._tools:
            run = self._engine.run(name, QUESTION)
            timer = threading.Timer(ASKING, run.close)
            timer.daemon = True
            timer.start()
            try:
                self._tools[key] = read_tools(run)
            finally:
                timer.cancel()
        return self._tools[key]

    def _key(self, world: World, name: str) -> tuple[str, str]:
        node = world.node(name)
        return name, node.id if node is not None else ""

    def _own(self, node: str, probe: Probe, why: str) -> Probing:
        """By routetui's own prober, where the engine has a way into the node's network."""
        needs = f"It needs a ping, traceroute or nc in {node}, or root on the engine's machine."
        if not isinstance(self._engine, Enters):
            raise EngineError(f"This cannot be sent from {node}: {why}.", needs)
        try:
            run = self._engine.enter(node, own_argv(probe))
        except EngineError as error:
            told = str(error).rstrip(".")
            raise EngineError(f"This cannot be sent from {node}: {why}; and {told}.", error.hint or needs) from None
        return Probing(run, probe, Dialect.OWN, f"by {Dialect.OWN} in the network of {node}, since {why}")


def own_argv(probe: Probe) -> tuple[str, ...]:
    """The command of the own prober for a probe."""
    from tui.engines.prober.ask import prober

    zone = f"%{probe.dev}" if probe.family == 6 and probe.target.is_link_local else ""
    ends = {"dst": f"{probe.target}{zone}", "dev": probe.dev, "source": probe.source, "timeout": f"{probe.wait:g}"}
    match probe:
        case Ping():
            numbers = {"count": probe.count, "interval": f"{probe.interval:g}", "size": probe.size, "ttl": probe.ttl}
            return prober("ping", **ends, **numbers)
        case Traceroute():
            numbers = {"mode": probe.proto, "max": probe.max_hops, "queries": probe.queries, "port": probe.port}
            return prober("traceroute", **ends, **numbers)
        case TcpConnect():
            return prober("connect", **ends, port=probe.port)
