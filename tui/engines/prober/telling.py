"""What the prober says: one JSON object a line on standard output, and whether anybody still reads it."""

from __future__ import annotations

import json
import os
import select
import time


class Told(Exception):
    """Why it could not be tried was already said."""


class Deaf(BrokenPipeError):
    """Nobody reads any more: whoever started this has gone."""


def say(event: str, **fields: object) -> None:
    """One line, at once. Raises BrokenPipeError where nobody reads it."""
    line = json.dumps({"event": event, **fields}, separators=(",", ":"))
    left = f"{line}\n".encode()
    while left:
        left = left[os.write(1, left) :]


class Waiting:
    """Waits for sockets, with an eye on standard output: a reader that is gone ends the probe, even a silent one."""

    def __init__(self, *sockets: int) -> None:
        self._poll = select.poll()
        self._poll.register(1, 0)  # POLLERR comes unasked
        for number in sockets:
            self._poll.register(number, select.POLLIN)

    def add(self, number: int, events: int = select.POLLIN) -> None:
        """One more to wait for."""
        self._poll.register(number, events)

    def drop(self, number: int) -> None:
        """One less."""
        self._poll.unregister(number)

    def until(self, deadline: float) -> list[int]:
        """The descriptors with something to read before `deadline` (monotonic seconds); none when that has come."""
        ready = self._poll.poll(max(0, deadline - time.monotonic()) * 1000)
        for number, event in ready:
            if number == 1 and event & (select.POLLERR | select.POLLHUP | select.POLLNVAL):
                raise Deaf
        return [number for number, _event in ready if number != 1]


def milliseconds(seconds: float) -> float:
    """A time as it is told: thousandths of a millisecond are enough."""
    return round(seconds * 1000, 3)
