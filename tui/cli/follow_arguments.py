"""The grammar of what looks at packets: capture, and follow."""

from __future__ import annotations

import argparse
from collections.abc import Callable

CAPTURE = """\
examples:
  routetui capture web                          the next 100 packets on all interfaces of web, for 30 seconds at most
  routetui capture router eth1 icmp             on one interface, with a filter
  routetui capture router host web and not arp  a container's name stands for its addresses
  routetui capture host -w out.pcap -c 1000     into a file for Wireshark; -w - writes it to standard output
  routetui capture web --json | jq .info        one JSON object a packet

The filter is the everyday part of tcpdump's: [src|dst] host ADDRESS, [src|dst] net PREFIX, [tcp|udp] [src|dst] port N,
icmp, icmp6, tcp, udp, arp, ip, ip6, and, or, not, ( ). Ctrl-C ends it.

exit codes: 0 packets were seen, 1 none was, 2 a mistake in what was typed, 3 nothing can be captured there
"""

FOLLOW = """\
A ping is sent while every interface of the predicted way there and back, and of the host, is looked at. What each of
them saw is lined up with the prediction; where the packet was expected and did not show up is where it ended.

examples:
  routetui follow web db                        each packet at each interface: MACs, ttl, times, where it ended and why
  routetui follow web 10.0.3.7 --ports          also the host's ends of the cables
  routetui follow web db --json | jq '.packets[] | select(.arrived | not) | .died_at'

exit codes: 0 the reply came back, 1 it did not, 2 a mistake in what was typed, 3 it cannot be sent or watched there
"""


def add_follow(add: Callable[[str, str, str | None], argparse.ArgumentParser]) -> None:
    """The commands; `add` makes one of a name, a text and examples."""
    capture = add("capture", "show the packets that pass a node's interfaces, or keep them for Wireshark", CAPTURE)
    capture.add_argument("node", metavar="NODE", help="a container's name or id, or host")
    capture.add_argument("words", metavar="[IF|any] [FILTER]", nargs="*", help="an interface, and a filter")
    capture.add_argument("-c", "--count", metavar="N", type=int, default=100, help="end after so many (now: 100)")
    capture.add_argument("--seconds", metavar="S", type=float, default=30.0, help="end after so long (now: 30)")
    capture.add_argument("-w", "--write", metavar="FILE", help="write a pcap file; - is standard output")
    follow = add("follow", "send a ping and see it on every interface of its way", FOLLOW)
    follow.add_argument("node", metavar="SRC", help="who sends: a node, or one of its addresses")
    follow.add_argument("dst", metavar="DST", help="who is asked: an address, or a node's name")
    follow.add_argument("-c", "--count", metavar="N", type=int, default=1, help="how many pings (now: 1)")
    follow.add_argument("--ports", action="store_true", help="show the host's ends of the containers' cables too")
