"""One command run in the foreground, as a shell would run it: signals reach it, and its exit code is given back."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence

from tui.core.text import clean

NOT_FOUND, NOT_EXECUTABLE = 127, 126
PR_SET_PDEATHSIG = 1
SI_KERNEL = 0x80
"""The origin of a signal that the terminal sent to the whole foreground group (sigaction(2), si_code)."""

_HEARD = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGCHLD}


def cannot_run(argv: Sequence[str]) -> tuple[int, str] | None:
    """A shell's exit code and a sentence for a command that is not there or is no program; None where it may run."""
    program = argv[0]
    if shutil.which(program) is not None:
        return None
    if "/" in program and os.path.exists(program):  # noqa: PTH110
        return NOT_EXECUTABLE, f"{clean(program)} cannot be run: it is no program (chmod +x)."
    return NOT_FOUND, f"There is no command {clean(program)!r} on this machine."


def run(argv: Sequence[str], variables: Mapping[str, str]) -> tuple[int, str]:
    """Run it to its end with these variables besides the environment's: its exit code, and a sentence if it never ran.

    While it runs no signal ends this process. What was sent to this process alone is passed on; a Ctrl-C in the
    terminal has reached the command already. When this process is killed the command is too (Linux).
    """
    libc = ctypes.CDLL(None)

    def ready() -> None:
        if hasattr(libc, "prctl"):
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
    # A signal that would be ignored need not stay pending: with a handler it does.
    children = signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    try:
        child = subprocess.Popen(argv, env={**os.environ, **variables}, preexec_fn=ready)  # noqa: PLW1509  # one thread
        return _wait(child), ""
    except OSError as error:
        code = NOT_FOUND if error.errno == errno.ENOENT else NOT_EXECUTABLE
        return code, f"{clean(argv[0])} cannot be run: {error.strerror}."
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        signal.signal(signal.SIGCHLD, children)


def _wait(child: subprocess.Popen[bytes]) -> int:
    """Its exit code, as a shell has it for a signal."""
    while (code := child.poll()) is None:
        number, from_terminal = _next_signal()
        if number != signal.SIGCHLD and not from_terminal:
            child.send_signal(number)
    return 128 - code if code < 0 else code


def _next_signal() -> tuple[int, bool]:
    """The next one, and whether it came from the terminal: a guess where the system does not tell (macOS)."""
    if hasattr(signal, "sigwaitinfo"):
        told = signal.sigwaitinfo(_HEARD)
        return told.si_signo, told.si_code == SI_KERNEL
    number = signal.sigwait(_HEARD)
    return number, number in (signal.SIGINT, signal.SIGQUIT)
