"""A blocking call in a thread that nobody has to wait for: its result is a Future, and quitting never hangs on it.

The command line starts the first snapshot with it before Textual is even imported.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def start(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
    """Run `call` in a daemon thread of its own; the Future gets what it returns or raises.

    Not an executor: the interpreter joins an executor's threads at its end, and a socket that never answers would
    then keep the program from ending.
    """
    future: Future[T] = Future()

    def work() -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = call(*args, **kwargs)
        except BaseException as error:  # handed to whoever reads the Future
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=work, daemon=True, name=getattr(call, "__name__", "work")).start()
    return future
