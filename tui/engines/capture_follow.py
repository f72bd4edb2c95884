"""A packet followed for real: captures on every node of the predicted way and the host, a ping, and what was seen."""

from __future__ import annotations

import contextlib
import json
import queue
import secrets
import threading
from collections import Counter
from dataclasses import dataclass, field

from tui.core.addresses import Address
from tui.core.follow import Asked, Follow, Kind
from tui.core.follow.expected import expected
from tui.core.follow.imagined import imagined
from tui.core.follow.lining import line_up, of_the_probe, place
from tui.core.packets import Frame
from tui.core.path import path
from tui.core.path.hops import Outcome, Path, Way
from tui.core.path.links_between import Links
from tui.core.probes import Capture, Ping
from tui.core.probes.reading import reader
from tui.core.probes.results import PingResult
from tui.core.world import World
from tui.engines import capture
from tui.engines.base import Engine, EngineError, Enters, Run
from tui.engines.capture import Captures, Capturing
from tui.engines.prober.ask import prober

PATIENCE = 1.0
"""Seconds that the answer to a request may take."""
ARP_PATIENCE = 3.5
"""The same where a neighbour is expected not to answer: the kernel asks three times, a second each (arp(7))."""
QUIET, SETTLED = 0.4, 0.1
"""Seconds without a frame after which no more are waited for: where some are missing, and where none is."""
FAR_QUIET = 1.5
"""QUIET where frames come by way of an engine, perhaps of another machine."""
NOT_FOUND = 127
"""A shell's exit code for a program that is not there."""
FILTER = "icmp or icmp6 or arp"


class Following:
    """One probe under way: `run` blocks until it is over; `close`, from any thread, ends it."""

    def __init__(self, engine: Engine, world: World, src: str | Address, dst: str | Address, count: int = 1) -> None:
        """Predict. Raises QueryError where a name is not known."""
        self.path: Path = path(world, src, dst)
        self._engine, self._world, self._src, self._count = engine, world, src, count
        self._links = Links(world)
        self._lock = threading.Lock()
        self._closed = False
        self._captures: dict[str, Capturing] = {}
        self._run: Run | None = None

    def run(self) -> Follow:
        """Capture, send, and line up what was seen. Raises EngineError where nothing can be sent."""
        if isinstance(self._engine, Captures):
            asked = Asked(self._count, 1, secrets.token_bytes(8))
            self._engine.carry(self.path, asked)
            return imagined(self._world, self.path, self._count)
        frames: queue.SimpleQueue[Frame] = queue.SimpleQueue()
        notes = self._watch(frames)
        asked = Asked(self._count, secrets.randbelow(65535) + 1, secrets.token_bytes(8))
        try:
            sent = self._send(asked)
            seen = self._rest(frames, asked, sent)
        finally:
            self.close()
        asked = asked if sent.own else Asked(self._count)
        return line_up(
            self._world,
            self.path,
            seen,
            asked,
            self._captures,
            one_clock=all(each.local for each in self._captures.values()),
            answered=sent.answered,
            sender_says=sent.says,
            notes=notes,
        )

    def close(self) -> None:
        """End the ping and every capture; nothing is left when this returns."""
        with self._lock:
            self._closed = True
            running = [each for each in (self._run, *self._captures.values()) if each is not None]
        threads = [threading.Thread(target=each.close, daemon=True) for each in running]
        for each in threads:
            each.start()
        for each in threads:
            each.join()

    @property
    def commands(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """What was started so far, each with its node: the captures, then the ping."""
        with self._lock:
            run = self._run
            captures = [(node, each.argv) for node, each in self._captures.items()]
        return (*captures, *([(self.nodes()[0], run.argv)] if run is not None else []))

    def nodes(self) -> tuple[str, ...]:
        """Where to look: every node of every way, the sender first, and the host."""
        names = [
            hop.node for trip in self.path.branches for way in (trip.forward, trip.back) if way for hop in way.hops
        ]
        names += [way.node for trip in self.path.branches for way in (trip.forward, trip.back) if way]
        owner = self._world.owner(self.path.address)
        names += [owner[0].name] if owner is not None else []
        names += [each.name for each in self._world.nodes if each.kind == "host"]
        found = (self._links.node(name) for name in names)
        return tuple(dict.fromkeys(each.name for each in found if each is not None))

    def _watch(self, frames: queue.SimpleQueue[Frame]) -> list[str]:
        """Begin to capture everywhere at once; returns when all see, with a sentence for each place where none can."""
        notes: dict[str, str] = {}
        nodes = self.nodes()
        threads = [threading.Thread(target=self._begin, args=(each, frames, notes), daemon=True) for each in nodes]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        return [notes[each] for each in nodes if each in notes]

    def _begin(self, node: str, frames: queue.SimpleQueue[Frame], notes: dict[str, str]) -> None:
        """Capture on one node, and hand on what it sees."""
        wanted = Capture(filter=FILTER, count=100_000, seconds=60)
        try:
            begun = capture.start(self._engine, node, wanted, self._world)
        except EngineError as error:
            notes[node] = str(error)
            return
        with self._lock:
            self._captures[node] = begun
            closed = self._closed
        if closed:
            begun.close()
        threading.Thread(target=_hand_on, args=(begun, frames), daemon=True).start()

    def _send(self, asked: Asked) -> _Sent:
        """The ping, to its end: by the own prober, else by the node's own."""
        home = self.nodes()[0]
        silent = any(way.outcome is Outcome.NEXT_HOP_SILENT for way in _ways(self.path))
        wait = ARP_PATIENCE if silent else PATIENCE
        source = (
            str(self.path.forward.src) if isinstance(self._src, Address) or self._src not in self._links.nodes else ""
        )
        if isinstance(self._engine, Enters):
            words = {"dst": self.path.address, "source": source, "count": asked.count, "timeout": wait}
            argv = prober("ping", **words, interval=0.2, id=asked.id, token=asked.token.hex())
            with contextlib.suppress(EngineError):  # its own ping may still do
                sent = self._listened(self._engine.enter(home, argv))
                if sent is not None:
                    return sent
        return self._by_its_own(home, source, wait, asked.count)

    def _by_its_own(self, home: str, source: str, wait: float, count: int) -> _Sent:
        """The ping that the node has itself."""
        family = ("-6",) if self.path.address.version == 6 else ()
        bound = ("-I", source) if source else ()
        argv = ("ping", *family, "-n", "-c", str(count), "-W", str(round(wait + 0.5)), *bound, str(self.path.address))
        run = self._taken(self._engine.run(home, argv))
        reading = reader(Ping(self.path.address, count))
        for line in run:
            reading.feed(line)
        if run.code == NOT_FOUND:
            raise EngineError(f"{home} has no ping, and its network cannot be entered from here.")
        found = reading.result()
        assert isinstance(found, PingResult)
        refused = next((each.text for each in found.faults if each.sender is None), "")
        return _Sent(False, refused, found.sent, {each.seq for each in found.replies})

    def _listened(self, run: Run) -> _Sent | None:
        """What the own prober tells; None where it could not even begin."""
        sent, begun = _Sent(True), False
        for line in self._taken(run):
            try:
                event = json.loads(line)
            except ValueError:
                continue
            begun = True
            if event["event"] in ("refused", "unsent"):
                sent.says = str(event["text"])
            elif event["event"] == "reply":
                sent.answered.add(event["seq"])
            elif event["event"] == "end":
                sent.sent = event["sent"]
        return sent if begun or self._closed else None

    def _rest(self, frames: queue.SimpleQueue[Frame], asked: Asked, sent: _Sent) -> list[Frame]:
        """All frames so far and those that are still on their way here: until every place told, or all is quiet."""
        missing = self._missing(sent)
        quiet = QUIET if all(each.local for each in self._captures.values()) else FAR_QUIET
        found: list[Frame] = []
        while True:
            try:
                frame = frames.get(timeout=quiet if +missing else SETTLED)
            except queue.Empty:
                return found
            found.append(frame)
            for kind, _ in of_the_probe([frame], self.path.address, asked):
                missing[kind, place(frame)] -= 1

    def _missing(self, sent: _Sent) -> Counter[tuple[Kind, tuple[str, str, str]]]:
        """The frames that are expected yet, by where they are seen, so often as they are."""
        trip, watched = self.path.branches[0], frozenset(self._captures)
        found = Counter(
            (kind, each.place)
            for kind, way in ((Kind.REQUEST, trip.forward), (Kind.REPLY, trip.back))
            for each in (expected(self._world, way, watched) if way is not None else ())
            if each.watched
        )
        return Counter({key: count * max(sent.sent, 1) for key, count in found.items()})

    def _taken(self, run: Run) -> Run:
        with self._lock:
            self._run = run
            closed = self._closed
        if closed:
            run.close()
        return run


@dataclass(slots=True)
class _Sent:
    """What the sender told: whether it was the own prober, what its kernel said if it refused, and the counts."""

    own: bool
    says: str = ""
    sent: int = 0
    answered: set[int] = field(default_factory=set)


def _hand_on(begun: Capturing, frames: queue.SimpleQueue[Frame]) -> None:
    for each in begun:
        frames.put(each)


def _ways(path: Path) -> list[Way]:
    """Every way of every branch."""
    return [way for trip in path.branches for way in (trip.forward, trip.back) if way is not None]


def follow(engine: Engine, world: World, src: str | Address, dst: str | Address, count: int = 1) -> Follow:
    """Follow a ping from `src` to `dst`, to its end. Raises QueryError, EngineError."""
    return Following(engine, world, src, dst, count).run()
