"""A command that runs in a node of a lab, as a Run: clean lines as they come, its exit code, its end on demand."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
import threading
from collections.abc import Iterator, Sequence

from tui.engines.base import clean
from tui.engines.kernel.lab_channel import Channel

KILLED = 137
"""The exit code of a command that was ended (128 and SIGKILL, as a shell has it)."""

_READ = 1 << 16
_LINE = 1 << 14  # a longer line is given in pieces, so that a program without newlines cannot fill the memory


class Piped:
    """A Run over the pipe that a process writes to and a socket that tells its exit code.

    When the socket is closed, the process and its group are killed by whoever holds the other end.
    """

    def __init__(self, argv: Sequence[str], output: int, status: socket.socket) -> None:
        self.argv = tuple(argv)
        self.code: int | None = None
        self._output = output
        self._status = status
        self._ear, self._bell = os.pipe2(os.O_CLOEXEC)
        self._lock = threading.Lock()
        self._closed = False
        self._released = False
        self._iterating = False

    def __iter__(self) -> Iterator[str]:
        """The lines, until the command has ended or the run was closed; then `code` is set. Only once."""
        with self._lock:
            if self._iterating or self._released:
                return
            self._iterating = True
        try:
            for line in _lines(self._pieces()):
                yield clean(line)
            self._finish()
        finally:
            self.close()
            with self._lock:
                self._release()

    def _pieces(self) -> Iterator[bytes]:
        """What it writes, until it closes its output, ends (a process that it left behind may hold it), or close()."""
        poll = select.poll()
        for number in (self._output, self._status.fileno(), self._ear):
            poll.register(number, select.POLLIN)
        while True:
            ready = [number for number, _event in poll.poll()]
            if self._ear in ready:
                return
            if self._output in ready:
                data = os.read(self._output, _READ)
                if not data:
                    return
                yield data
            elif self._status.fileno() in ready:
                return

    def _finish(self) -> None:
        """The exit code: waits for it unless the run was closed."""
        poll = select.poll()
        for number in (self._status.fileno(), self._ear):
            poll.register(number, select.POLLIN)
        poll.poll()
        self.code = self._told()

    def _told(self) -> int:
        """The code that waits in the socket; KILLED where none ever will."""
        with contextlib.suppress(OSError):
            told = self._status.recv(4, socket.MSG_DONTWAIT)
            if len(told) == 4:
                code = int(struct.unpack("=i", told)[0])
                return code if code >= 0 else 128 - code  # as a shell has it for a signal
        return KILLED

    def wait(self, seconds: float) -> tuple[int, list[str]]:
        """Let it run to its end, or end it after so many seconds: its exit code and its lines."""
        timer = threading.Timer(seconds, self.close)
        timer.daemon = True
        timer.start()
        try:
            lines = list(self)
        finally:
            timer.cancel()
        return self.code if self.code is not None else KILLED, lines

    def close(self) -> None:
        """End the command and its process group now, if it still runs."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if self.code is None:
                self.code = self._told()
            with contextlib.suppress(OSError):
                self._status.shutdown(socket.SHUT_RDWR)
            if self._iterating:
                os.write(self._bell, b"\0")
            else:
                self._release()

    def _release(self) -> None:
        """Close every descriptor; the lock is held."""
        if not self._released:
            self._released = True
            self._status.close()
            for number in (self._output, self._ear, self._bell):
                os.close(number)


def start_run(channel: Channel, node: str, argv: Sequence[str]) -> Piped:
    """Start a command in a node, with this program's environment and the folders where `ip` may lie."""
    ear, mouth = os.pipe2(os.O_CLOEXEC)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        env = {**os.environ, "PATH": search_path()}
        channel.ask("run", files=(mouth, theirs.fileno()), node=node, argv=list(argv), env=env)
    except BaseException:
        os.close(ear)
        ours.close()
        raise
    finally:
        os.close(mouth)
        theirs.close()
    return Piped(argv, ear, ours)


def search_path() -> str:
    """Where commands are looked for: PATH, and the folders of administration that an ordinary user's may lack."""
    known = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join([*known, *(each for each in ("/usr/sbin", "/sbin") if each not in known)])


def _lines(pieces: Iterator[bytes]) -> Iterator[str]:
    """Whole lines of a stream of bytes, the last one even without its newline; a very long one in pieces."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace")
        while len(rest) > _LINE:
            yield rest[:_LINE].decode(errors="replace")
            rest = rest[_LINE:]
    if rest:
        yield rest.decode(errors="replace")
