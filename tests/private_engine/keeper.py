"""Starts containerd and dockerd in a directory, obeys `stop` and `start` lines, and removes it all at end of input.

Run in mount and network namespaces of its own (`unshare --mount --net`): no packet can leave them, and their mounts
vanish with the last process. Every process that the daemons leave behind becomes a child of this one.
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
CONTAINERD = """version = 2
root = "{0}/containerd"
state = "{0}/containerd-run"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "{0}/containerd.sock"
[ttrpc]
  address = "{0}/containerd.sock.ttrpc"
"""


class Keeper:
    """The daemons of one private engine."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.log = (directory / "dockerd.log").open("ab")
        self.daemon: subprocess.Popen[bytes] | None = None
        config = directory / "containerd.toml"
        config.write_text(CONTAINERD.format(directory))
        self._start(["containerd", "--config", str(config)])

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        environment = os.environ | {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin", "TMPDIR": str(self.directory)}
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=environment)

    def start(self) -> str:
        """Start dockerd; "ready" when it answers, else what went wrong. Running containers outlive its crash."""
        at = self.directory
        options = ["--data-root", f"{at}/data", "--exec-root", f"{at}/exec", "--pidfile", f"{at}/dockerd.pid"]
        options += ["--host", f"unix://{at}/docker.sock", "--containerd", f"{at}/containerd.sock"]
        options += ["--cgroup-parent", traces.cgroup_parent(at), "--config-file", f"{at}/daemon.json"]
        (at / "daemon.json").write_text("{}")
        self.daemon = self._start(["dockerd", *options, "--log-level", "warn", "--live-restore"])
        return self._answer()

    def _answer(self) -> str:
        assert self.daemon
        for _ in range(600):
            if self.daemon.poll() is not None:
                return f"dockerd ended with code {self.daemon.returncode}"
            if answers(self.directory / "docker.sock"):
                return "ready"
            time.sleep(0.05)
        return "dockerd does not answer within 30 seconds"

    def stop(self) -> str:
        """Kill dockerd as a crash would."""
        assert self.daemon
        self.daemon.kill()
        self.daemon.wait()
        (self.directory / "dockerd.pid").unlink(missing_ok=True)
        return "stopped"


def main() -> None:
    """Keep the engine in the directory that the command line names, until standard input ends."""
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
        keeper = Keeper(directory)
        _say(keeper.start())
        for line in sys.stdin:
            _say(keeper.stop() if line == "stop\n" else keeper.start())
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
