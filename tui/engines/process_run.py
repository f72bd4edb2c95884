"""A command of this machine as a Run: in its own session, so that it ends with everything it started."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence

from tui.engines.base import clean

GRACE = 0.3
"""Seconds that a command has to end after SIGTERM, before SIGKILL."""
NOT_FOUND, NOT_PERMITTED = 127, 126


class ProcessRun:
    """A Run (see tui.engines.base): `argv` is what the person sees, `command` what is really started for it."""

    def __init__(self, argv: Sequence[str], command: Sequence[str]) -> None:
        """Start it. A program that is not there gives one sentence and the code of a shell, as in any Run."""
        self.argv = tuple(argv)
        self.code: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False
        self._lock = threading.Lock()
        self._failure = ""
        if shutil.which(argv[0]) is None:
            self._failure, self._failed = f"There is no {argv[0]} on this machine.", NOT_FOUND
            return
        try:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            self._failure, self._failed = f"{command[0]} cannot be started: {error.strerror}.", NOT_PERMITTED

    def __iter__(self) -> Iterator[str]:
        """Clean lines of both streams as they come, to the end or until closed."""
        if self._process is None:
            yield from [] if self._closed or self.code is not None else [clean(self._failure)]
            self.code = self._failed
            return
        assert self._process.stdout is not None
        with contextlib.suppress(ValueError):  # closed while reading
            for line in self._process.stdout:
                if self._closed:
                    break
                yield clean(line.decode(errors="replace").rstrip("\n"))
        self._finish()

    def _finish(self) -> None:
        with self._lock:
            if self._process is not None:
                code = self._process.wait()
                if self._process.stdout is not None:
                    self._process.stdout.close()
                self.code = 128 - code if code < 0 else code

    def close(self) -> None:
        """End it and what it started in its session. Safe to call twice and from any thread."""
        self._closed = True
        if self._process is None:
            self.code = self._failed
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._process.poll() is not None:
                break
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE)
        self._finish()
