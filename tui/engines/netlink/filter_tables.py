"""What nf_tables says of itself in a namespace without any program: whether it changed, and which tables it has.

The messages are those of linux/netfilter/nf_tables.h over nfnetlink; they need CAP_NET_ADMIN in the namespace.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable

from tui.engines.netlink.setns import Where, elsewhere, enter
from tui.engines.netlink.sockets import NLM_F_DUMP, NLM_F_REQUEST, NLMSG_ERROR, attributes, failure, message, messages

NETFILTER = 12
"""NETLINK_NETFILTER, the protocol of the socket."""

_SUBSYSTEM = 10 << 8  # NFNL_SUBSYS_NFTABLES
_GETTABLE, _NEWGEN, _GETGEN = _SUBSYSTEM | 1, _SUBSYSTEM | 15, _SUBSYSTEM | 16
_HEADER = struct.pack(">BBH", 0, 0, 0)  # struct nfgenmsg: any family
_FAMILIES = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}

Ask = Callable[[bytes], bytes]
"""Sends messages into a namespace and returns all that the kernel answers."""


def generation(ask: Ask) -> int:
    """A number that grows whenever a table, chain, rule or set changes; raises OSError where it may not be asked."""
    for kind, _, body in _answers(ask, message(_GETGEN, NLM_F_REQUEST, _HEADER)):
        found = attributes(body, 4).get(1)
        if kind == _NEWGEN and found is not None:
            return int(struct.unpack(">I", found)[0])
    raise OSError("nf_tables does not tell its generation")


def tables(ask: Ask) -> frozenset[tuple[str, str]]:
    """Family and name of each table, those of iptables over nf_tables among them; raises OSError."""
    return frozenset(
        (_FAMILIES.get(body[0], str(body[0])), attributes(body, 4)[1].rstrip(b"\0").decode(errors="replace"))
        for kind, _, body in _answers(ask, message(_GETTABLE, NLM_F_REQUEST | NLM_F_DUMP, _HEADER))
        if kind == _SUBSYSTEM
    )


def _answers(ask: Ask, question: bytes) -> list[tuple[int, int, bytes]]:
    found = [(kind, flags, body) for kind, flags, _, body in messages(ask(question))]
    for kind, flags, body in found:
        error = failure(flags, body) if kind == NLMSG_ERROR else None
        if error is not None:
            raise error
    return found


class FilterSocket:
    """A socket for these questions that belongs to one namespace, and keeps it alive while it is open."""

    def __init__(self, where: Where | None = None) -> None:
        """`where` None is the namespace of this process. Raises OSError."""
        self._link = _open() if where is None else elsewhere(lambda: _entered(where))

    def __call__(self, question: bytes) -> bytes:
        """Ask; the kernel has answered when a message is sent, a dump as fast as it is read."""
        self._link.send(question)
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                found.append(self._link.recv(1 << 17, socket.MSG_DONTWAIT))
        return b"".join(found)

    def close(self) -> None:
        """Let go of the namespace."""
        self._link.close()


def asking(where: Where) -> Ask:
    """A way to ask a namespace that keeps nothing open in between, so that it does not keep the namespace alive."""

    def ask(question: bytes) -> bytes:
        link = FilterSocket(where)
        try:
            return link(question)
        finally:
            link.close()

    return ask


def _entered(where: Where) -> socket.socket:
    enter(where)
    return _open()


def _open() -> socket.socket:
    link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETFILTER)
    link.bind((0, 0))
    return link
