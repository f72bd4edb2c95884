"""The kernel's own notifications from every container's network: what changes there is heard without the engine."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
from collections.abc import Callable, Collection, Mapping

from tui.engines.docker.local import same_network
from tui.engines.netlink.setns import elsewhere, enter
from tui.engines.netlink.sockets import open_socket
from tui.engines.netlink.watching import GROUPS, drain

HOST = ""
"""Stands for the engine's host among the ids of containers."""


class Ears:
    """A socket in each network that may be entered: as root on the engine's own machine; the host's also as others.

    `heard` is called with the id of a container whose network changed, from a thread of this object or from whoever
    asks by `listen`. An ear would keep the network of a stopped container alive: `drop` it then.
    """

    def __init__(self, heard: Callable[[str], None]) -> None:
        self._heard = heard
        self._lock = threading.Lock()
        self._sockets: dict[str, tuple[int, socket.socket]] = {}  # by id: the process by which it was entered
        self._deaf: dict[str, int] = {}
        self._poll: select.epoll | None = None
        self._bell = -1

    def begin(self) -> None:
        """Listen from now on, where `sync` says. Safe to call twice."""
        with self._lock:
            if self._poll is not None:
                return
            self._poll, (ear, self._bell) = select.epoll(), os.pipe2(os.O_CLOEXEC)
            self._poll.register(ear, select.EPOLLIN)
            poll = self._poll
        threading.Thread(target=self._work, args=(poll, ear), name="docker-ears", daemon=True).start()

    def end(self) -> None:
        """Listen no more, and let go of every network. Safe to call twice and from any thread."""
        with self._lock:
            bell, self._bell, self._poll = self._bell, -1, None
            for _, link in self._sockets.values():
                link.close()
            self._sockets.clear()
            self._deaf.clear()
        if bell >= 0:
            os.close(bell)

    def sync(self, pids: Mapping[str, int]) -> None:
        """Have an ear in the network of each of these (a process by id of its container), and in no other.

        What changes there before it returns may go unheard: read the tables afterwards.
        """
        with self._lock:
            if self._poll is None:
                return
            for identity in [each for each, (pid, _) in self._sockets.items() if pids.get(each) != pid]:
                self._sockets.pop(identity)[1].close()
            known = {each: pid for each, (pid, _) in self._sockets.items()} | self._deaf
            new = {each: pid for each, pid in pids.items() if known.get(each) != pid}
        opened = _open(new) if new else {}
        with self._lock:
            self._deaf |= {each: pid for each, pid in new.items() if each not in opened}
            for identity, link in opened.items():
                if self._poll is None or identity in self._sockets:  # ended, or another one was quicker
                    link.close()
                    continue
                self._sockets[identity] = (new[identity], link)
                self._poll.register(link, select.EPOLLIN)

    def drop(self, container: str) -> None:
        """A container has stopped: its network may go."""
        with self._lock:
            self._deaf.pop(container, None)
            if container in self._sockets:
                self._sockets.pop(container)[1].close()

    def hears(self, container: str) -> bool:
        """Whether a change of that container's network would be heard."""
        with self._lock:
            return container in self._sockets

    def listen(self) -> None:
        """Take in what was told before this call, whether the thread has come to it or not."""
        with self._lock:
            ready = self._poll.poll(0) if self._poll is not None else []
        self._take({number for number, _ in ready})

    def _work(self, poll: select.epoll, ear: int) -> None:
        try:
            while True:
                ready = {number for number, _ in poll.poll()}
                if ear in ready:
                    return
                self._take(ready)
        finally:
            poll.close()
            os.close(ear)

    def _take(self, ready: Collection[int]) -> None:
        if not ready:
            return
        with self._lock:
            found = [(each, link) for each, (_, link) in self._sockets.items() if link.fileno() in ready]
            for _, link in found:
                drain(link)
        for identity, _ in found:
            self._heard(identity)


def _open(pids: Mapping[str, int]) -> dict[str, socket.socket]:
    """A listening socket in each of these networks; those that may not be entered, or are gone, are left out."""
    opened: dict[str, socket.socket] = {}
    own = {identity for identity, pid in pids.items() if same_network(pid)}

    def work() -> None:
        for identity in own:
            with contextlib.suppress(OSError):
                opened[identity] = open_socket(GROUPS)
        for identity, pid in pids.items():
            if identity not in own:
                with contextlib.suppress(OSError):
                    enter(pid)
                    opened[identity] = open_socket(GROUPS)

    elsewhere(work)
    return opened
