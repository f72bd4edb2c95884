"""Starts Podman in a directory (`inside.py`) and removes it all at end of input.

Run in mount and network namespaces of its own (`unshare --mount --net`), as the keeper of the private Docker Engine
is. Every process that Podman leaves behind becomes a child of this one.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from private_engine import traces
from private_engine.answering import answers

PR_SET_CHILD_SUBREAPER = 36


def start(directory: Path) -> str:
    """Start it; "ready" when it answers, else what went wrong."""
    with (directory / "podman.log").open("ab") as log:
        command = [sys.executable, str(Path(__file__).with_name("inside.py")), str(directory)]
        podman = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    for _ in range(600):
        if podman.poll() is not None:
            return f"podman ended with code {podman.returncode}"
        if answers(directory / "podman.sock"):
            return "ready"
        time.sleep(0.05)
    return "podman does not answer within 30 seconds"


def main() -> None:
    """Keep the Podman in the directory that the command line names, until standard input ends."""
    directory = Path(sys.argv[1])
    (directory / "keeper.pid").write_text(f"{os.getpid()} {traces.start_time(os.getpid())}")
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for scope in ("all", "default"):
        # Nobody else is there whose address it could be: else bridges and ports would change a second after they came.
        Path(f"/proc/sys/net/ipv6/conf/{scope}/accept_dad").write_text("0")
    try:
        _say(start(directory))
        sys.stdin.read()
    finally:
        traces.end(directory)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)
        traces.clear(directory)


def _say(answer: str) -> None:
    with contextlib.suppress(BrokenPipeError):
        print(answer, flush=True)


if __name__ == "__main__":
    main()
