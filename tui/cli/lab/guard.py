"""A process beside this one that cleans up when this one has ended, in whatever way: what `kill -9` cannot prevent."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator

from tui.core.text import clean
from tui.engines.base import EngineError


@contextlib.contextmanager
def guarded(clean_up: Callable[[], None]) -> Iterator[None]:
    """Have `clean_up` run, in another process, as soon as the block or this process ends; the block's end waits for it.

    Raises EngineError where it failed; why is on standard error. No other thread may run when the block begins.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    ear, held = os.pipe()
    guard = os.fork()
    if guard == 0:
        os.close(held)
        _be_guard(ear, clean_up)
    os.close(ear)
    try:
        yield
    finally:
        os.close(held)
        _, status = os.waitpid(guard, 0)
    if status != 0:
        raise EngineError("The lab was not taken down altogether: try routetui lab down.")


def _be_guard(ear: int, clean_up: Callable[[], None]) -> None:
    """Wait until nobody holds the other end, clean up, and end. Never returns."""
    code = 1
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)  # who reads our output waits for the command's end, not for the cleaning
        os.read(ear, 1)
        clean_up()
        code = 0
    except EngineError as error:
        _tell(f"routetui: {clean(str(error))}\n")
    except BaseException:
        _tell(traceback.format_exc())
    finally:
        os._exit(code)


def _tell(text: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()
