"""An engine on another machine, through the ssh of this one: a local socket that leads to it."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from urllib.parse import urlsplit

from tui.engines.base import EngineError, clean

PERSIST = 60
"""Seconds that ssh keeps its connection after the last use, should nobody be left to end it."""


class Tunnel:
    """A socket in a private directory; each connection to it runs `docker system dial-stdio` over there.

    That is what docker's own client does. All of them share one ssh connection, so that only the first is slow.
    No question is ever asked: a host that wants a password has to be given a key first.
    """

    def __init__(self, url: str) -> None:
        """`url` is ssh://[USER@]HOST[:PORT]; raises EngineError when it is none or ssh is not installed."""
        parts = urlsplit(url)
        if not parts.hostname or parts.hostname.startswith("-"):
            raise EngineError(f"{clean(url)!r} names no machine: write ssh://USER@HOST or ssh://HOST.")
        program = shutil.which("ssh")
        if program is None:
            raise EngineError("ssh is not installed here: install it (openssh-client), or name the engine by tcp://.")
        self.target = clean(f"{parts.username}@{parts.hostname}" if parts.username else parts.hostname)
        self._directory = Path(tempfile.mkdtemp(prefix="routetui-ssh-"))
        self._ssh = [
            program,
            "-o",
            "BatchMode=yes",
            "-o",
            "ConnectTimeout=10",
            "-o",
            f"ControlPath={self._directory}/m",
        ]
        self._ssh += ["-p", str(parts.port)] if parts.port else []
        self._complaints = (self._directory / "complaints").open("a+b")
        self._processes: list[subprocess.Popen[bytes]] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self._directory / "engine.sock"))
        self._listener.listen(16)
        self.url = f"unix://{self._directory}/engine.sock"
        self._thread = threading.Thread(target=self._serve, name="docker-ssh", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        share = ["-o", "ControlMaster=auto", "-o", f"ControlPersist={PERSIST}"]
        command = [*self._ssh, *share, "-T", "--", self.target, "docker", "system", "dial-stdio"]
        with contextlib.suppress(OSError):  # the listener was closed
            while True:
                connection, _ = self._listener.accept()
                with connection:
                    self._processes = [each for each in self._processes if each.poll() is None]
                    self._processes.append(
                        subprocess.Popen(
                            command, stdin=connection.fileno(), stdout=connection.fileno(), stderr=self._complaints
                        )
                    )

    def complaint(self) -> str:
        """The last thing that ssh, or the other machine's shell, complained about; "" for nothing."""
        text = Path(self._complaints.name).read_text(errors="replace") if not self._complaints.closed else ""
        lines = [line for line in clean(text).splitlines() if line.strip()]
        return lines[-1].strip().rstrip(".") if lines else ""

    def close(self) -> None:
        """End every connection and ssh itself. Safe to call twice."""
        if self._complaints.closed:
            return
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for process in self._processes:
            process.terminate()
            process.wait()
        subprocess.run([*self._ssh, "-O", "exit", "--", self.target], stderr=subprocess.DEVNULL, check=False)
        self._complaints.close()
        shutil.rmtree(self._directory, ignore_errors=True)
