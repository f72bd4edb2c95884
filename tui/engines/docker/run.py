"""A command that a person runs in a container: what it prints as it comes, in lines or bytes, and its end on demand."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from tui.engines.base import EngineError, clean
from tui.engines.docker import exec as docker_exec
from tui.engines.docker.connect import Connection
from tui.engines.docker.exec import NOT_EXECUTABLE, NOT_FOUND, STDOUT, Lines
from tui.engines.docker.world import Container

if TYPE_CHECKING:
    import docker

# The shell tells its process id, by which the command that takes its place can be ended. `docker exec` starts each
# command as the leader of a group of its own, so that its children end with it.
WRAPPED = """echo "$$"
case $(command -v "$1") in
"") echo "There is no $1 in this container."; exit 127 ;;
*/*) exec "$@" ;;
*) "$@" ;;  # its own, such as echo, or BusyBox itself
esac"""
KILL = 'kill -s "$1" -- "-$2" 2>/dev/null || kill -s "$1" "$2"'
GRACE = 0.3
"""Seconds that a command has to end after SIGTERM, before SIGKILL."""


T = TypeVar("T", str, bytes)


class Exec(Generic[T]):
    """What a Run of lines and one of bytes share. A thread reads the engine's stream: `close` never waits for it."""

    def __init__(self, connection: Connection, container: Container, argv: Sequence[str]) -> None:
        """Start it; raises EngineError when the container cannot run anything now."""
        self.argv = tuple(argv)
        self.code: int | None = None
        self._connection = connection
        self._container = container
        self._pid: int | None = None
        self._exec = ""
        self._pieces: queue.SimpleQueue[T | EngineError | None] = queue.SimpleQueue()
        self._started, self._ended = threading.Event(), threading.Event()
        self._closing = threading.Lock()
        self._closed = self._abandoned = False
        self._exec = self._create(["sh", "-c", WRAPPED, "sh", *argv])
        self._thread = threading.Thread(target=self._work, name="docker-run", daemon=True)
        self._thread.start()

    def _create(self, argv: Sequence[str]) -> str:
        from docker.errors import APIError

        try:
            with self._connection.client() as api:
                return docker_exec.create(api, self._container.id, argv)
        except APIError as error:
            said = clean(str(error.explanation or error)).rstrip(".")
            raise EngineError(f"Nothing can be run in {self._container.name}: {said}.") from None

    def __iter__(self) -> Iterator[T]:
        """The output as it comes, to the end or until closed."""
        while (piece := self._pieces.get()) is not None and not self._closed:
            if isinstance(piece, EngineError):
                raise piece
            yield piece
        self._pieces.put(None)  # for whoever iterates again

    def close(self) -> None:
        """End the command and what it started in its group; returns when it is gone, within a second.

        Where there is no shell to do so and the container is on another machine it is left alone: it ends when it
        finds nobody to print to, and `code` stays None until then.
        """
        self._closed = True
        self._pieces.put(None)
        with self._closing:
            for name in ("TERM", "KILL"):
                if self._ended.is_set():
                    return
                self._started.wait(GRACE)
                with contextlib.suppress(EngineError):
                    self._kill(name)
                self._ended.wait(GRACE)
            self._abandoned = not self._ended.is_set()

    def _work(self) -> None:
        """The thread: read to the end, then ask for the exit code."""
        try:
            api = self._connection.open()
            try:
                wrapped = self._read(api, wrapped=True)
                if not wrapped:
                    self._exec = self._create(self.argv)
                    self._started.set()
                    self._read(api, wrapped=False)
                self.code = self._exit_code(api)
            finally:
                api.close()
        except EngineError as error:
            self._pieces.put(error)
        except Exception as error:
            self._pieces.put(self._connection.lost(error))
        finally:
            self._ended.set()
            self._started.set()
            self._pieces.put(None)

    def _read(self, api: docker.APIClient, wrapped: bool) -> bool:
        """Read one exec to its end. False where it was to be wrapped and the container has no shell to do so."""
        told = b""
        for kind, piece in docker_exec.stream(api, self._exec, None):
            if self._abandoned:
                break
            if wrapped and self._pid is None and kind == STDOUT:
                told, newline, piece = (told + piece).partition(b"\n")  # noqa: PLW2901  # what follows the number
                if not newline:
                    continue
                if not told.isdigit():
                    return False
                self._pid = int(told)
                self._started.set()
            if piece:
                self._take(kind, piece)
        if wrapped and self._pid is None:
            return False
        self._finish()
        return True

    def _take(self, kind: int, piece: bytes) -> None:
        """What the command, or the engine before it has begun, has said on STDOUT or STDERR."""
        raise NotImplementedError

    def _finish(self) -> None:
        """It says no more."""
        raise NotImplementedError

    def _told(self, line: str) -> str:
        """A line that is safe to show. Before the command has begun it is the engine that speaks."""
        program = docker_exec.missing_program(line) if self._pid is None else None
        return clean(f"There is no {program} in {self._container.name}." if program is not None else line)

    def _exit_code(self, api: docker.APIClient) -> int | None:
        from docker.errors import APIError

        try:
            found = api.exec_inspect(self._exec)
        except APIError:  # the container is gone, and its record with it
            return 128 + signal.SIGKILL
        if found.get("Running"):
            raise EngineError("The engine closed the connection while the command ran: it may still be running.")
        code = found.get("ExitCode")
        return NOT_FOUND if code == NOT_EXECUTABLE and self._pid is None else code

    def _kill(self, name: str) -> None:
        """Send a signal to the command's group: by a shell beside it, else from this machine."""
        if self._pid is not None:
            exec_id = self._create(["sh", "-c", KILL, "sh", name, str(self._pid)])
            with self._connection.client() as api:
                for _ in docker_exec.stream(api, exec_id, 2):
                    pass
            return
        with self._connection.client() as api:
            pid = int(api.exec_inspect(self._exec).get("Pid") or 0)
        with contextlib.suppress(OSError):
            # Only where that number is this machine's, which the container's id in its control group shows.
            if pid and self._container.id in Path(f"/proc/{pid}/cgroup").read_text():
                os.kill(pid, getattr(signal, f"SIG{name}"))


class ContainerRun(Exec[str]):
    """A Run (see tui.engines.base): clean lines of both streams."""

    def __init__(self, connection: Connection, container: Container, argv: Sequence[str]) -> None:
        """Start it; raises EngineError when the container cannot run anything now."""
        self._lines = {kind: Lines() for kind in (STDOUT, docker_exec.STDERR)}
        super().__init__(connection, container, argv)

    def _take(self, kind: int, piece: bytes) -> None:
        for line in self._lines.get(kind, self._lines[STDOUT]).feed(piece):
            self._pieces.put(self._told(line))

    def _finish(self) -> None:
        for each in self._lines.values():
            for line in each.end():
                self._pieces.put(self._told(line))


class ContainerBytes(Exec[bytes]):
    """A RawRun (see tui.engines.base): the bytes of standard output, and in `said` the lines of the other stream."""

    def __init__(self, connection: Connection, container: Container, argv: Sequence[str]) -> None:
        """Start it; raises EngineError when the container cannot run anything now."""
        self._errors = Lines()
        self.said: list[str] = []
        super().__init__(connection, container, argv)

    def _take(self, kind: int, piece: bytes) -> None:
        # Without a shell, the engine's word that there is no such program comes on this stream too.
        spoken = self._pid is None and docker_exec.missing_program(piece.decode(errors="replace")) is not None
        if kind == STDOUT and not spoken:
            self._pieces.put(piece)
        else:
            self.said += [self._told(line) for line in self._errors.feed(piece)]

    def _finish(self) -> None:
        self.said += [self._told(line) for line in self._errors.end()]
