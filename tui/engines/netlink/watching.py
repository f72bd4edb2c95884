"""The kernel's notifications: told at once when a link, address, route, rule or switch of a namespace changes."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
from collections.abc import Iterator, Sequence
from typing import Protocol

from tui.engines.netlink.setns import Where, elsewhere, enter
from tui.engines.netlink.sockets import open_socket

GROUPS = (1, 5, 7, 8, 9, 11, 19, 24, 25, 32)
"""RTNLGRP_LINK, IPV4_IFADDR, IPV4_ROUTE, IPV4_RULE, IPV6_IFADDR, IPV6_ROUTE, IPV6_RULE, IPV4_NETCONF, IPV6_NETCONF,
NEXTHOP (linux/rtnetlink.h). NETCONF tells of forwarding, rp_filter and the like; other sysctls make no notification."""


class Ear(Protocol):
    """What a watch can wait for: a socket, or what behaves as one."""

    def fileno(self) -> int:
        """The descriptor that becomes readable."""
        ...

    def recv(self, size: int, flags: int, /) -> bytes:
        """Take what waits; OSError where nothing does."""
        ...

    def close(self) -> None:
        """Stop listening."""
        ...


class Watch:
    """Iterate to hear of changes: each yield is the set of positions, in the list given, of what changed.

    However many notifications came meanwhile, they make one yield. `close` ends the iteration from any thread. While
    it is open it keeps the namespaces alive: close it when a container has stopped.
    """

    def __init__(self, links: Sequence[Ear], life: int | None = None) -> None:
        """`links` are sockets that listen to GROUPS, one a namespace; they are closed with the watch.

        `life` is a socket's descriptor: when its other end closes, the watch ends.
        """
        self._links = list(links)
        self._life = life
        self._ear, self._bell = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._lock = threading.Lock()
        self._iterating = False
        self._closed = False

    def __iter__(self) -> Iterator[frozenset[int]]:
        """Wait for changes until closed; only one thread may iterate, once."""
        with self._lock:
            if self._closed:
                return
            self._iterating = True
        try:
            yield from self._changes()
        finally:
            with self._lock:
                self._iterating = False
                self._closed = True
                self._release()

    def _changes(self) -> Iterator[frozenset[int]]:
        poll = select.poll()
        positions = {link.fileno(): index for index, link in enumerate(self._links)}
        for number in (self._ear, *positions):
            poll.register(number, select.POLLIN)
        if self._life is not None:
            poll.register(self._life, 0)  # told of its end alone
        while not self._closed:
            ready = [number for number, _event in poll.poll()]
            if self._closed or self._ear in ready or self._life in ready:
                return
            for number in ready:
                drain(self._links[positions[number]])
            yield frozenset(positions[number] for number in ready)

    def close(self) -> None:
        """End it. Safe to call twice and from any thread."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if self._iterating:
                with contextlib.suppress(OSError):
                    os.write(self._bell, b"\0")
            else:
                self._release()

    def _release(self) -> None:
        """Close every descriptor; the lock is held."""
        for link in self._links:
            link.close()
        self._links = []
        for number in (self._ear, self._bell):
            if number >= 0:
                os.close(number)
        self._ear = self._bell = -1


def drain(link: Ear) -> None:
    """Take what waits. ENOBUFS says that some were lost: something changed all the same."""
    with contextlib.suppress(OSError):
        while True:
            link.recv(1 << 16, socket.MSG_DONTWAIT)


def watch(wheres: Sequence[Where]) -> Watch:
    """Listen to many namespaces; raises OSError when one is gone or may not be entered. Changes from now on count."""
    return Watch(ears(wheres))


def ears(wheres: Sequence[Where]) -> list[socket.socket]:
    """A socket in each namespace that hears of its changes; raises the first OSError, with none left open."""
    links: list[socket.socket] = []

    def work() -> None:
        for where in wheres:
            enter(where)
            links.append(open_socket(GROUPS))

    try:
        elsewhere(work)
    except OSError:
        for link in links:
            link.close()
        raise
    return links
