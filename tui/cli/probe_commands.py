"""The probes on the command line: lines as things happen, or one JSON object; then the verdict on the prediction."""

from __future__ import annotations

import argparse
from typing import Any

from tui.cli.arguments import UsageError
from tui.cli.choose import choose
from tui.cli.output import faint, flat, print_json, strong
from tui.cli.which import find_node, tables_of
from tui.core.addresses import Address, AddressError, parse_address
from tui.core.destination import resolve
from tui.core.firewall.evidence import Rise
from tui.core.probes import Ping, Probe, ProbeError, TcpConnect, Traceroute, wording
from tui.core.probes.as_json import probe_json, result_json, verdict_json
from tui.core.probes.meanings import meaning
from tui.core.probes.results import ConnectResult, Event, Fault, PingResult, Reply, Silence, TraceHop, Unread
from tui.core.probes.verdict import NOT_TRIED, Verdict, against
from tui.core.query import QueryError
from tui.core.world import Node, World
from tui.counted import Counters, phrase
from tui.probing import Probes, Probing


def probe(options: argparse.Namespace) -> bool | None:
    """Send a probe: True where it was answered, False where not, None where it could not be sent.

    Ctrl-C ends it and tells what was found until then. Raises UsageError, EngineError.
    """
    engine = choose(options, fall_back=False).engine
    try:
        world = engine.snapshot()
        node = find_node(options.node, world)
        near = tables_of(node, world)
        asked = _asked(options, near, world)
        counters = Counters(engine, world)
        running = Probes(engine).start(world, node.name, asked)
        try:
            shown = Shown(running, near, world)
            if not options.json:
                shown.heading()
            _follow(running, shown, quiet=options.json)
        finally:
            running.close()
        verdict = against(world, node.name, asked, running.result)
        counted = counters.drops()
        if options.json:
            rises = [{"node": where, "rule": each.text, "packets": each.packets} for where, each in counted]
            print_json(_as_json(running, node, near, world, verdict) | {"counted": rises})
        else:
            shown.ending(verdict)
            shown.evidence(counted)
        return _answered(running)
    finally:
        engine.close()


def _asked(options: argparse.Namespace, node: Node, world: World) -> Probe:
    """The probe that the words describe; raises UsageError."""
    if not options.dst.strip() or options.dst.startswith("-"):
        raise UsageError(f"{options.dst!r} is no destination: write an address or a node's name.")
    dev, source = _bound(options.bind, node)
    version = options.family or (source.version if source is not None else None)
    try:
        target = resolve(options.dst, world, node, version).dst
        if options.family not in (None, target.version):
            raise UsageError(f"{options.dst} has no IPv{options.family} address.")
        match options.command:
            case "ping":
                shape = (options.count, options.interval, options.size, options.ttl)
                return Ping(target, *shape, dev, source, options.wait)
            case "traceroute":
                many = (options.proto, options.max_hops, options.queries, options.wait, options.port)
                return Traceroute(target, *many, dev, source)
        return TcpConnect(target, options.port, options.wait, dev, source)
    except (QueryError, ProbeError) as error:
        raise UsageError(str(error)) from None


def _bound(words: list[str], node: Node) -> tuple[str | None, Address | None]:
    """-I gives a device or an address, or both when it is given twice."""
    dev, source = None, None
    for word in words:
        if node.interface(word) is not None:
            dev = word
            continue
        try:
            source = parse_address(word)
        except AddressError:
            devices = ", ".join(each.name for each in node.interfaces)
            told = f"-I {word}: {node.name} has no such device (it has {devices}), nor is it an address."
            raise UsageError(told) from None
    return dev, source


def _follow(running: Probing, shown: Shown, quiet: bool) -> None:
    """Show the events as they come. Ctrl-C is the person's way to say: enough."""
    try:
        for event in running:
            if not quiet:
                shown.event(event)
    except KeyboardInterrupt:
        running.close()
        running.cut = "It was ended by Ctrl-C."


def _answered(running: Probing) -> bool | None:
    result = running.result
    faults = (Fault(result.text),) if isinstance(result, ConnectResult) else result.faults
    if not result.reached and any(meaning(each) in NOT_TRIED for each in faults):
        return None
    return result.reached


def _as_json(running: Probing, node: Node, near: Node, world: World, verdict: Verdict) -> dict[str, Any]:
    return {
        "node": node.name,
        "probe": probe_json(running.probe),
        "command": list(running.argv),
        "how": running.how,
        "result": result_json(running.result, near, world),
        "cut": running.cut or None,
        "verdict": verdict_json(verdict),
    }


class Shown:
    """A probe in lines for people, as things happen."""

    def __init__(self, running: Probing, node: Node, world: World) -> None:
        self._running = running
        self._node = node
        self._world = world
        self._explained: set[str] = set()

    def evidence(self, counted: tuple[tuple[str, Rise], ...]) -> None:
        """The rules whose counters tell that they dropped something while this ran."""
        for node, each in counted:
            self._say(f"counted  {phrase(node, each)}")

    def heading(self) -> None:
        """What is sent, and how."""
        probe = self._running.probe
        target = wording.place(probe.target, self._node, self._world)
        self._say(strong(f"{self._node.name} asks {target}"))
        self._say(faint(f"{' '.join(self._command())}   {self._running.how}"))

    def _command(self) -> tuple[str, ...]:
        argv = self._running.argv
        return ("prober", *argv[4:]) if len(argv) > 4 and argv[1:3] == ("-I", "-S") else argv

    def event(self, event: Event) -> None:
        """One event; an error is explained the first time."""
        probe = self._running.probe
        match event:
            case Reply():
                time = f"{event.rtt:.3f} ms" if event.rtt is not None else "-"
                ttl = f"ttl {event.ttl}" if event.ttl is not None else ""
                more = " duplicate" if event.duplicate else ""
                sender = f" from {event.sender}" if event.sender != probe.target else ""
                self._say(f"{event.seq:5}  {time:>12}  {ttl}{sender}{more}")
            case Silence(seq):
                self._say(f"{seq:5}  {'no answer':>12}")
            case Fault():
                number = f"{event.seq:5}" if event.seq is not None else "     "
                sender = f"from {event.sender}: " if event.sender is not None else ""
                self._say(f"{number}  {sender}{event.text}")
                self._explain(wording.fault(event, self._node, self._world, probe.target))
            case TraceHop():
                self._hop(event)
            case Unread(line):
                self._say(faint(f"       {line}"))

    def _hop(self, hop: TraceHop) -> None:
        """A hop once all its probes are told of; the own prober tells of each by itself."""
        probe = self._running.probe
        wanted = probe.queries if isinstance(probe, Traceroute) else 0
        if len(hop.answers) + hop.silent < wanted:
            return
        if not hop.answers:
            self._say(f"{hop.ttl:5}  {'* ' * hop.silent}".rstrip())
            return
        for address in hop.addresses:
            own = [each for each in hop.answers if each.address == address]
            times = "  ".join(f"{each.rtt:.3f}" if each.rtt is not None else "-" for each in own)
            marks = " ".join(dict.fromkeys(each.mark for each in own if each.mark))
            self._say(f"{hop.ttl:5}  {wording.place(address, self._node, self._world)}  {times} ms {marks}".rstrip())
            for mark in marks.split():
                self._explain(wording.mark(mark, address, self._node, self._world, probe.target))

    def _explain(self, sentence: str) -> None:
        if sentence not in self._explained:
            self._explained.add(sentence)
            self._say(f"       {sentence}")

    def ending(self, verdict: Verdict) -> None:
        """The counts, what the whole means, and whether it is as predicted."""
        result, probe = self._running.result, self._running.probe
        if isinstance(result, PingResult):
            self._say(wording.ping_summary(result))
            if result.sent and not result.received and not result.faulty:
                self._say(wording.silence(probe.target))
        elif isinstance(result, ConnectResult):
            port = probe.port if isinstance(probe, TcpConnect) else 0
            self._say(wording.connection(result, self._node, probe.target, port or 0))
        elif result.hops and not result.hops[-1].answers and not result.reached:
            self._say(wording.star(result.hops[-1]))
        if self._running.cut:
            self._say(self._running.cut)
        self._say(f"{strong('verdict')}  {verdict.sentence}")
        for each in verdict.causes:
            self._say(f"  maybe  {each}")

    def _say(self, text: str) -> None:
        print(flat(text), flush=True)
