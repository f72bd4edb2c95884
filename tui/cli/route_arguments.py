"""The grammar of `routetui route`: add and del, and the words of a route."""

from __future__ import annotations

import argparse

_ROUTE = """\
ROUTE is PREFIX via GW [dev IF] [metric N] [table T], as `ip route` has it. PREFIX may be a network's name, or a
container's, which stands for the subnet that it is in; GW may be the name of a neighbour. In place of via GW: dev IF
alone (it is on-link), or unreachable, prohibit, blackhole, throw.

examples:
  routetui route add web 10.0.3.0/24 via 10.0.1.3
  routetui route add web db via router               the same by names: what they stand for is shown
  routetui route add web db via router --dry-run     what would come of it: table, lookup, path there and back
  routetui route del web 10.0.3.0/24

exit codes: 0 done, or it would be; 1 the kernel refuses it after all; 2 a mistake in what was asked for, with the
kernel's reason; 3 the engine cannot be reached, or there is no way to do it there.
"""

VERBS = ("add", "del")


def add_route(route: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """Give the parser of `route` its subcommands; `common` are the options that may stand everywhere."""
    route.epilog = _ROUTE
    verbs = route.add_subparsers(
        dest="route_command", metavar="add|del", title="commands", required=True, parser_class=type(route)
    )
    for verb, text in zip(VERBS, ("add a route to a node", "delete a route of a node"), strict=True):
        added = verbs.add_parser(
            verb,
            help=text,
            description=f"{text[:1].upper()}{text[1:]}.",
            parents=[common],
            epilog=_ROUTE,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        added.add_argument("node", metavar="NODE", help="a container's name or id, or host")
        added.add_argument("words", metavar="ROUTE", nargs="+", help="PREFIX via GW [dev IF] [metric N] [table T]")
        added.add_argument("--dry-run", action="store_true", help="only show what would come of it")
        added.add_argument(
            "--agree", metavar="WORD", action="append", default=[], help="agree to a way that was asked about"
        )
