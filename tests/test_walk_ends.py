"""routetui in a terminal of its own that is told to end, or whose window is closed, while something is being tried."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator

import pytest

from tui import labs
from tui.engines.base import EngineError
from tui.engines.kernel import kept

PATIENCE = 30.0


@pytest.fixture
def lab(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The two-bridges lab, up for as long as the test runs."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    try:
        kept.up(labs.load("two-bridges"), persist=True).close()
    except EngineError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    yield "two-bridges"
    kept.down("two-bridges")


def forwards(lab: str) -> bool:
    """Whether centos-net1 forwards, as the lab has it."""
    engine = kept.attach(lab)
    try:
        node = engine.snapshot().node("centos-net1")
        assert node is not None
        return bool(node.sysctl("net.ipv4.ip_forward"))
    finally:
        engine.close()


class Terminal:
    """A program in a terminal: what it writes is read until something is seen, keys are sent to it."""

    def __init__(self, *argv: str) -> None:
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 36, 120, 0, 0))
        # What the environment says of another terminal's size would go before what this one has.
        environment = {name: each for name, each in os.environ.items() if name not in ("COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, env={**environment, "TERM": "xterm"}, start_new_session=True
        )
        os.close(slave)

    def see(self, text: str) -> None:
        """Read until the text was written."""
        seen, end = b"", time.monotonic() + PATIENCE
        while text.encode() not in seen:
            ready, _, _ = select.select([self._master], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"{text!r} was never seen in {seen[-3000:]!r}"
            seen += os.read(self._master, 1 << 16)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._master, keys.encode())

    def end(self) -> int:
        """Its exit code, once it has ended; what it still writes is read away."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < end, "it does not end"
            if select.select([self._master], [], [], 0.05)[0]:
                with contextlib.suppress(OSError):
                    os.read(self._master, 1 << 16)
        os.close(self._master)
        return self.process.returncode


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda each: each.name)
def test_a_try_is_taken_back_when_routetui_is_told_to_end(lab: str, number: signal.Signals) -> None:
    terminal = Terminal(sys.executable, "-m", "tui", "--lab", lab)
    try:
        terminal.see("neighbours on net1")
        terminal.press("o")
        terminal.see("Turn IPv4 forwarding on on centos-net1")
        terminal.press("t")
        terminal.see("unless kept")
        assert forwards(lab)
        terminal.process.send_signal(number)
        terminal.end()
    finally:
        if terminal.process.poll() is None:
            terminal.process.kill()
            terminal.process.wait()
    assert not forwards(lab)
