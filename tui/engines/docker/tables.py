"""Every container's tables, by the best rung that works for it: netlink, a command inside, or /proc of this machine."""

from __future__ import annotations

import concurrent.futures
import functools
import queue
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tui.core.world import TOPICS, Node
from tui.engines import netlink
from tui.engines.base import EngineError, clean
from tui.engines.docker import ears
from tui.engines.docker import exec as docker_exec
from tui.engines.docker import local as docker_local
from tui.engines.docker import script as docker_script
from tui.engines.docker.connect import Connection
from tui.engines.docker.container_filters import ContainerFilters
from tui.engines.docker.ears import Ears
from tui.engines.docker.parts import from_commands
from tui.engines.docker.proc import from_proc
from tui.engines.docker.world import Container

if TYPE_CHECKING:
    import docker

RUNGS = ("netlink", "exec", "proc")
"""From the namespace itself (this machine, with the right to enter it); a command in the container; /proc/PID/net of
this machine (for everybody)."""
WORKERS = 8
"""Commands at a time: more do not help, since the runtime behind the engine is what is slow."""
PIECE, WHOLE = 10.0, 15.0
"""Seconds that a container has to print something, and to print everything."""
LARGEST = 1 << 26
"""Bytes of output after which it is given up."""
VOUCHED = 5.0
"""Seconds for which tables count that the kernel has told no change of: a few switches (accept_local, src_valid_mark,
...) change without a notification."""
_TICKING = re.compile(r"^(expires|age|used|cache expires)\b.*")


class Unreadable(Exception):
    """This rung does not work for this container; str() is one sentence that says why, or "" where it goes without."""


class Tables:
    """Reads tables, many at once, and keeps what was read for as long as the engine's events vouch for it."""

    def __init__(
        self,
        connection: Connection,
        rungs: Sequence[str],
        ours: Callable[[str], None],
        arrived: Callable[[], None],
    ) -> None:
        """`ours` is told of the commands that only read; `arrived` of news: tables that were not waited for have come,
        or the kernel told of a change.
        """
        self._connection = connection
        self._rungs = rungs
        self._ours = ours
        self._arrived = arrived
        self._pool = Pool(WORKERS)
        self._filters = ContainerFilters()
        self._ears = Ears(self._heard)
        self._kept: dict[str, tuple[int, float, Node]] = {}  # by id: the process, when it was read, and what
        self._news: dict[str, int] = {}
        self._lock = threading.Lock()
        self._readings: dict[str, concurrent.futures.Future[Node]] = {}
        self._delivered: set[str] = set()
        self._late: set[concurrent.futures.Future[Node]] = set()
        self._told = 0.0

    @property
    def here(self) -> bool:
        """Whether the engine's processes are on this machine."""
        return self._connection.peer is not None

    def gather(self, containers: Iterable[Container], patience: float | None, keep: bool) -> dict[str, Node | None]:
        """By id, a node that holds the container's tables and what is known of the reading; None where it still runs.

        `keep` allows what an earlier call has had already.
        """
        wanted = list(containers)
        pids = docker_local.pids(each.id for each in wanted) if self.here and wanted else {}
        found: dict[str, Node | None] = dict(self._by_netlink(pids, keep))
        futures = self._begin([each for each in wanted if each.id not in found], pids, keep)
        concurrent.futures.wait(futures.values(), patience)
        for identity, future in futures.items():
            found[identity] = future.result() if future.done() else None
        self._account(futures, found)
        return found

    def _account(
        self, futures: Mapping[str, concurrent.futures.Future[Node]], found: Mapping[str, Node | None]
    ) -> None:
        """Note what this call got, and have those told of that it did not wait for."""
        with self._lock:
            self._delivered.update(identity for identity in futures if found[identity] is not None)
            late = {future for identity, future in futures.items() if found[identity] is None} - self._late
            self._late |= late
        for future in late:
            future.add_done_callback(self._come)

    def listen(self) -> None:
        """Hear of changes in the networks themselves from now on, as far as they may be entered from here."""
        if "netlink" in self._rungs:
            self._ears.begin()

    def listen_no_more(self) -> None:
        """Whoever listened is gone: nothing is vouched for, and no network of a stopped container is held."""
        self._ears.end()

    def stopped(self, container: str) -> None:
        """A container's network is about to go."""
        self._ears.drop(container)

    def _heard(self, container: str) -> None:
        self.forget(container)
        self._arrived()

    def _by_netlink(self, pids: Mapping[str, int], keep: bool) -> dict[str, Node]:
        """All that can be read from this machine at once: a few milliseconds for hundreds."""
        if "netlink" not in self._rungs:
            return {}
        peer = self._connection.peer
        self._ears.sync({**pids, **({ears.HOST: peer} if peer is not None else {})})
        self._ears.listen()
        found = self._vouched(pids) if keep else {}
        rest = [(identity, pid) for identity, pid in pids.items() if identity not in found]
        with self._lock:
            news = dict(self._news)
        self._filters.begin(list(pids.items()), patient=not keep)
        began = time.monotonic()
        results = netlink.read_many([pid for _, pid in rest]) if rest else []
        for (identity, pid), result in zip(rest, results, strict=True):
            if not isinstance(result, OSError):
                whole = result.onto(Node("", capabilities=docker_local.capabilities(pid, identity)))
                found[identity] = replace(settled(whole), filters=self._filters.read(identity, pid))
                with self._lock:
                    if news.get(identity) == self._news.get(identity):  # else it changed while it was being read
                        self._kept[identity] = (pid, began, found[identity])
        return found

    def _vouched(self, pids: Mapping[str, int]) -> dict[str, Node]:
        """What was read a while ago, and of which the kernel would have told a change."""
        since = time.monotonic() - VOUCHED
        with self._lock:
            kept = {identity: self._kept[identity] for identity in pids if identity in self._kept}
        return {
            identity: node
            for identity, (pid, read, node) in kept.items()
            if pid == pids[identity] and read > since and self._ears.hears(identity)
        }

    def _begin(
        self, rest: Sequence[Container], pids: Mapping[str, int], keep: bool
    ) -> dict[str, concurrent.futures.Future[Node]]:
        with self._lock:
            if not keep:
                for identity in self._delivered:
                    self._readings.pop(identity, None)
                self._delivered.clear()
            for each in rest:
                if each.id not in self._readings:
                    self._readings[each.id] = self._pool.submit(functools.partial(self._read, each, pids.get(each.id)))
            return {each.id: self._readings[each.id] for each in rest}

    def _come(self, future: concurrent.futures.Future[Node]) -> None:
        """Tables that were not waited for are there. Told at once for the last of them, else twice a second."""
        with self._lock:
            self._late.discard(future)
            now = time.monotonic()
            if self._late and now - self._told < 0.5:
                return
            self._told = now
        self._arrived()

    def forget(self, container: str) -> None:
        """A container changed: what was read of it, or is being read, counts no more."""
        with self._lock:
            self._readings.pop(container, None)
            self._delivered.discard(container)
            self._kept.pop(container, None)
            self._news[container] = self._news.get(container, 0) + 1

    def forget_all(self) -> None:
        """Nothing that was read counts any more."""
        with self._lock:
            self._readings.clear()
            self._delivered.clear()
            self._kept.clear()

    def close(self) -> None:
        """Begin no more readings; the workers end by themselves."""
        self._pool.close()
        self._ears.end()

    def _read(self, container: Container, pid: int | None) -> Node:
        """One container by the rungs that need it alone, best first. `pid` is its process on this machine, if any."""
        reasons: list[str] = []
        for name, rung in (("exec", self._by_command), ("proc", self._by_proc)):
            if name in self._rungs:
                try:
                    return self._told_why(settled(rung(container, pid)), reasons)
                except Unreadable as reason:
                    reasons.append(str(reason))
        nothing = Node("", missing=TOPICS)
        return self._told_why(nothing, reasons if any(reasons) else ["Nothing here can read its tables."])

    @staticmethod
    def _told_why(node: Node, reasons: Sequence[str]) -> Node:
        return replace(node, problem=" ".join(filter(None, (*reasons, node.problem))) or None)

    def _by_command(self, container: Container, _: int | None) -> Node:
        from docker.errors import APIError

        if container.state == "paused":
            raise Unreadable(
                f"It is paused, and nothing can run in it: {self._connection.program} unpause {container.name}."
            )
        try:
            with self._connection.client() as api:
                return Inside(api, container, self._ours, self._connection.program).tables()
        except APIError as error:
            raise Unreadable(f"The engine runs nothing in it: {_words(error.explanation or error)}.") from None
        except EngineError as error:
            raise Unreadable(f"It did not answer: {error}") from None

    @staticmethod
    def _by_proc(container: Container, pid: int | None) -> Node:
        files = docker_local.proc_files(pid) if pid is not None else {}
        if pid is None or not files:
            raise Unreadable("")
        return replace(
            from_proc(files), source="/proc of this machine", capabilities=docker_local.capabilities(pid, container.id)
        )


class Inside:
    """Commands in one container that show its tables."""

    def __init__(self, api: docker.APIClient, container: Container, ours: Callable[[str], None], program: str) -> None:
        self._api = api
        self._container = container
        self._ours = ours
        self._program = program
        self._deadline = time.monotonic() + WHOLE

    def tables(self) -> Node:
        """By one shell command that knows every way; without a shell by one command for each table."""
        token = docker_script.new_token()
        output = self._output(["sh", "-c", docker_script.script(), "sh", token])
        if docker_exec.missing_program(output) is not None and token not in output:
            return self._without_shell()
        printed = docker_script.split(output, token)
        if not printed.complete:
            raise Unreadable(f"Its shell ended early: {_words(output.strip().splitlines()[-1:] or ['no word'])}.")
        return from_commands(printed.parts)

    def _without_shell(self) -> Node:
        parts: dict[str, str] = {}
        absent: set[str] = set()
        for name, argv in docker_script.ALONE:
            if argv[0] not in absent:
                output = self._output(argv)
                if docker_exec.missing_program(output) is None:
                    parts[name] = output
                else:
                    absent.add(argv[0])
        if not parts:
            raise Unreadable(
                "It has no shell, no `ip` and no `cat` to show its tables; one that shares its network could: "
                f"{self._program} run --network container:{self._container.name} IMAGE ip route."
            )
        return from_commands(parts)

    def _output(self, argv: Sequence[str]) -> str:
        """What a command prints on its standard output; Unreadable when that takes too long or never ends."""
        exec_id = docker_exec.create(self._api, self._container.id, argv)
        self._ours(exec_id)
        pieces, size = [], 0
        for kind, piece in docker_exec.stream(self._api, exec_id, PIECE):
            size += len(piece)
            if kind == docker_exec.STDOUT:
                pieces.append(piece)
            if size > LARGEST or time.monotonic() > self._deadline:
                raise Unreadable(f"Its tables did not come within {WHOLE:.0f} seconds and {LARGEST >> 20} megabytes.")
        return b"".join(pieces).decode(errors="replace")


def _words(said: object) -> str:
    text = said[0] if isinstance(said, list) else said
    return clean(" ".join(str(text).split())).rstrip(".")


def settled(node: Node) -> Node:
    """The node without numbers that tick by themselves: an equal reading is an equal value."""
    routes = tuple(
        replace(route, attributes=tuple(_TICKING.sub(r"\1", each) for each in route.attributes))
        if any(map(_TICKING.match, route.attributes))
        else route
        for route in node.routes
    )
    return node if routes == node.routes else replace(node, routes=routes)


class Pool:
    """A few threads that do what is submitted, in order. They never keep the program from ending."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._closed = False

    def submit(self, work: Callable[[], Node]) -> concurrent.futures.Future[Node]:
        """Have it done; a future for its result."""
        future: concurrent.futures.Future[Node] = concurrent.futures.Future()

        def do() -> None:
            try:
                if self._closed:
                    raise EngineError("The engine was closed.")
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)

        if len(self._threads) < self._size:
            thread = threading.Thread(target=self._serve, name="docker-tables", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._work.put(do)
        return future

    def _serve(self) -> None:
        while (do := self._work.get()) is not None:
            do()

    def close(self) -> None:
        """Do nothing more."""
        self._closed = True
        for _ in self._threads:
            self._work.put(None)
