"""The grammar of the probes: ping, traceroute and connect, with bounds that keep a slip from becoming a flood."""

from __future__ import annotations

import argparse
from collections.abc import Callable

PING = """\
examples:
  routetui ping web db                        five echo requests, their answers, and whether it is as predicted
  routetui ping web 10.0.3.7 -c 3 -i 0.5      three of them, half a second apart
  routetui ping web db -t 1                   with ttl 1: the first router says that it ran out
  routetui ping web db --json | jq .verdict

exit codes: 0 answered, 1 not answered, 2 a mistake in what was typed, 3 it cannot be sent from there. Ctrl-C ends it
with what was found until then.
"""

TRACEROUTE = """\
examples:
  routetui traceroute web db                  by UDP, as traceroute does; each hop beside the predicted one
  routetui traceroute web db --icmp           by echo requests
  routetui traceroute web db --tcp -p 443     by TCP connects, which firewalls let pass most often

exit codes: 0 the target answered, 1 it did not, 2 a mistake in what was typed, 3 it cannot be sent from there
"""

CONNECT = """\
examples:
  routetui connect web db 5432                is anything listening there, and is it reached?

exit codes: 0 connected, 1 refused, unreachable or no answer, 2 a mistake in what was typed, 3 it cannot be tried there
"""


def add_probes(add: Callable[[str, str, str | None], argparse.ArgumentParser]) -> None:
    """The commands; `add` makes one of a name, a text and examples."""
    _ping(add("ping", "send echo requests, and say whether it went as predicted", PING))
    _traceroute(add("traceroute", "see which hops answer, beside those predicted", TRACEROUTE))
    _connect(add("connect", "try whether a TCP port is reached and open", CONNECT))


def _ping(ping: argparse.ArgumentParser) -> None:
    """The words of ping."""
    _ends(ping)
    how = ping.add_argument_group("the requests")
    how.add_argument("-c", "--count", metavar="N", type=int, default=5, help="how many (now: 5)")
    how.add_argument("-i", "--interval", metavar="S", type=float, default=1.0, help="seconds between them (now: 1)")
    how.add_argument("-s", "--size", metavar="BYTES", type=int, default=56, help="bytes of data in each (now: 56)")
    how.add_argument("-t", "--ttl", metavar="TTL", type=int, default=64, help="how many routers may pass them on")
    how.add_argument("-w", "--wait", metavar="S", type=float, default=2.0, help="seconds to wait for the last answer")
    _bound(how)


def _traceroute(trace: argparse.ArgumentParser) -> None:
    """The words of traceroute."""
    _ends(trace)
    how = trace.add_argument_group("the probes")
    proto = how.add_mutually_exclusive_group()
    for name, text in (("icmp", "echo requests"), ("udp", "datagrams to high ports (now)"), ("tcp", "TCP connects")):
        proto.add_argument(f"--{name}", dest="proto", action="store_const", const=name, default="udp", help=text)
    how.add_argument("-p", "--port", metavar="PORT", type=int, help="the port (UDP: the first of them)")
    how.add_argument("-m", "--max", dest="max_hops", metavar="MAX", type=int, default=16, help="how far (now: 16 hops)")
    how.add_argument("-q", "--queries", metavar="N", type=int, default=3, help="probes for each hop (now: 3)")
    how.add_argument("-w", "--wait", metavar="S", type=float, default=1.0, help="seconds to wait for each answer")
    _bound(how)


def _connect(connect: argparse.ArgumentParser) -> None:
    """The words of connect."""
    _ends(connect)
    connect.add_argument("port", metavar="PORT", type=int, help="the TCP port")
    how = connect.add_argument_group("the connection")
    how.add_argument("-w", "--wait", metavar="S", type=float, default=3.0, help="seconds until it is given up (now: 3)")
    _bound(how)


def _ends(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("node", metavar="SRC", help="who sends: a container's name or id, or host")
    parser.add_argument("dst", metavar="DST", help="who is asked: an address, or a node's name")
    family = parser.add_mutually_exclusive_group()
    family.add_argument("-4", dest="family", action="store_const", const=4, help="a name's IPv4 address")
    family.add_argument("-6", dest="family", action="store_const", const=6, help="a name's IPv6 address")


def _bound(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "-I", "--bind", metavar="DEV|ADDRESS", action="append", default=[], help="send from this device or address"
    )
