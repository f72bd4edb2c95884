"""The grammar of the command line: subcommands, options, and the help that shows them with examples."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from tui import __version__

ENGINES = ("docker", "kernel", "sim")
SHELLS = ("bash", "zsh", "fish")

_EPILOG = """\
examples:
  routetui                                       open the screen
  routetui nodes                                 who is there
  routetui routes web                            web's routing table
  routetui lookup web 10.0.3.7                   where web sends a packet to 10.0.3.7, and why
  routetui lookup web db --steps                 the same, step by step; db is a node's name
  routetui lookup web - < queries                many lookups, one JSON object a line
  routetui --open paste.txt routes pasted        tables that somebody pasted from a terminal
  routetui save world.json                       keep what is seen now; --open reads it again

exit codes: 0 yes or done, 1 a negative answer, 2 a mistake in the command or a file, 3 the engine or a table cannot
be read, 70 a bug in routetui (ROUTETUI_DEBUG=1 shows where), 130 interrupted, 141 nobody reads the output any more.
"""

_LOOKUP = """\
examples:
  routetui lookup web 10.0.3.7
  routetui lookup web db                          db's address on a network that both are on
  routetui lookup router 10.0.3.7 --from 10.0.1.2 --iif eth0      a packet that comes in
  printf '10.0.3.7\\n10.0.3.8 mark 5\\n' | routetui lookup web -

A line of standard input is a query as `ip route get` takes it:
DST [from S] [iif I] [oif O] [mark N] [tos N] [ipproto P] [sport N] [dport N]
"""


class UsageError(Exception):
    """A mistake in the command line or in a file it names; str() is one sentence that says what to write."""


class _Parser(argparse.ArgumentParser):
    """An argument parser whose mistakes are UsageErrors with a pointer to the right help."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]} (`{self.prog} --help` shows how).")


def parser() -> argparse.ArgumentParser:
    """The whole grammar. Options of COMMON may stand before and after the subcommand."""
    common = _common()
    top = _Parser(
        prog="routetui",
        parents=[common],
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="See and predict how containers route, one step at a time. With no command it opens the screen.",
        epilog=_EPILOG,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"routetui {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", title="commands", parser_class=_Parser)

    def add(name: str, text: str, epilog: str | None = None) -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=text,
            description=f"{text[:1].upper()}{text[1:]}.",
            parents=[common],
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    add("nodes", "list the containers and the host, with their addresses")
    add("networks", "list the networks, with their subnets and members")
    _routes(add("routes", "show a node's routing table"))
    _lookup(add("lookup", "say where a node sends a packet, and why", _LOOKUP))
    add("save", "save the world as it is seen now as JSON").add_argument(
        "file", metavar="FILE", help="where to; - writes to standard output"
    )
    add("completion", "print a script that completes routetui's words in a shell", _COMPLETION).add_argument(
        "shell", choices=SHELLS, help="which shell it is for"
    )
    return top


_COMPLETION = """\
to turn it on:
  bash   echo 'source <(routetui completion bash)' >> ~/.bashrc
  zsh    echo 'source <(routetui completion zsh)' >> ~/.zshrc      (after compinit)
  fish   routetui completion fish > ~/.config/fish/completions/routetui.fish
"""


def _common() -> _Parser:
    common = _Parser(add_help=False, argument_default=argparse.SUPPRESS, allow_abbrev=False)
    where = common.add_argument_group("where from")
    where.add_argument("--engine", choices=ENGINES, help="docker, kernel (network namespaces) or sim (in memory)")
    where.add_argument("-H", "--host", metavar="URL", help="the Docker engine's address, as docker -H has it")
    where.add_argument("--context", metavar="NAME", help="the Docker context, as docker --context has it")
    where.add_argument(
        "--open", metavar="FILE", help="a saved world, a Compose file or pasted tables, simulated; - is standard input"
    )
    common.add_argument("--json", action="store_true", help="answer in JSON")
    return common


def _routes(routes: argparse.ArgumentParser) -> None:
    routes.add_argument("node", metavar="NODE", help="a container's name or id, or host")
    routes.add_argument("--table", metavar="NAME", default="main", help="local, default, a number, or all (now: main)")
    family = routes.add_mutually_exclusive_group()
    family.add_argument("-4", dest="family", action="store_const", const=4, help="IPv4 only")
    family.add_argument("-6", dest="family", action="store_const", const=6, help="IPv6 only")


def _lookup(lookup: argparse.ArgumentParser) -> None:
    lookup.add_argument("node", metavar="NODE", help="a container's name or id, or host")
    lookup.add_argument("dst", metavar="DST", help="an address, a node's name, or - for queries on standard input")
    lookup.add_argument("--steps", action="store_true", help="tell every step: rules, tables, candidates, source")
    packet = lookup.add_argument_group("the packet")
    packet.add_argument("--from", dest="src", metavar="SRC", help="its source address")
    packet.add_argument("--iif", metavar="DEV", help="it comes in by this device, with --from")
    packet.add_argument("--oif", metavar="DEV", help="it is bound to this device")
    packet.add_argument("--mark", metavar="N", help="its firewall mark")
    packet.add_argument("--tos", metavar="N", help="its type of service, the whole DS field")
    packet.add_argument("--ipproto", metavar="P", help="its protocol: tcp, udp, icmp or a number")
    packet.add_argument("--sport", metavar="PORT", help="its source port")
    packet.add_argument("--dport", metavar="PORT", help="its destination port")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the arguments; every option of the grammar is set, to its default where it was not given.

    Raises UsageError. `--help` and `--version` print and raise SystemExit(0).
    """
    options = parser().parse_args(argv)
    for name, default in (("engine", None), ("host", None), ("context", None), ("open", None), ("json", False)):
        setattr(options, name, getattr(options, name, default))
    _check(options)
    return options


def _check(options: argparse.Namespace) -> None:
    """Refuse what contradicts itself."""
    remote = "-H" if options.host is not None else "--context" if options.context is not None else None
    if options.host is not None and options.context is not None:
        raise UsageError("-H and --context both name an engine: give one of them.")
    if options.open is not None and (options.engine in ("docker", "kernel") or remote):
        raise UsageError(f"--open looks at a file, {remote or '--engine ' + options.engine} at an engine: give one.")
    if remote and options.engine in ("kernel", "sim"):
        raise UsageError(f"{remote} names a Docker engine, but --engine {options.engine} was asked for: give one.")
    for name in ("open", "host", "context"):
        if getattr(options, name) == "":
            raise UsageError(f"--{name} needs a value that is not empty.")
    if options.command == "lookup" and options.dst == "-":
        if options.open == "-":
            raise UsageError("--open - and lookup NODE - both want standard input: give one of them as a file.")
        given = [name for name in PACKET if getattr(options, name) is not None]
        if given:
            option = "from" if given[0] == "src" else given[0]
            raise UsageError(f"With lookup NODE - the packet is described on each line: leave --{option} out.")
    if options.command is None and options.json:
        raise UsageError("--json needs a command: nodes, networks, routes or lookup.")


PACKET = ("src", "iif", "oif", "mark", "tos", "ipproto", "sport", "dport")
"""The options that describe a packet, in the order of `ip route get`; `src` is --from."""


def colour_wanted(environment: dict[str, str]) -> bool:
    """Whether standard output is a terminal that shows colour, and nobody asked for none (NO_COLOR)."""
    return sys.stdout.isatty() and not environment.get("NO_COLOR") and environment.get("TERM", "dumb") != "dumb"
