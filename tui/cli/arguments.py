"""The grammar of the command line: subcommands, options, and the help that shows them with examples."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

from tui import __version__
from tui.cli.follow_arguments import add_follow
from tui.cli.lab.arguments import add_lab
from tui.cli.probe_arguments import add_probes
from tui.cli.route_arguments import add_route

ENGINES = ("docker", "kernel", "sim")
SHELLS = ("bash", "zsh", "fish")

_EPILOG = """\
examples:
  routetui                                       open the screen
  routetui nodes                                 who is there
  routetui routes web                            web's routing table
  routetui lookup web 10.0.3.7                   where web sends a packet to 10.0.3.7, and why
  routetui lookup web db --steps                 the same, step by step; db is a node's name
  routetui path web db                           the way there and back, hop by hop, and what would mend it
  routetui matrix                                who reaches whom
  routetui ping web db                           does it really? beside what is predicted; also traceroute, connect
  routetui check compose.yaml                    does what the file expects hold?
  routetui route add web db via router --dry-run what a route would change; without --dry-run it is added
  routetui lookup web - < queries                many lookups, one JSON object a line
  routetui --open paste.txt routes pasted        tables that somebody pasted from a terminal
  routetui save world.json                       keep what is seen now; --open reads it again
  routetui lab up two-bridges                    a lab on this machine's kernel: no Docker, no root
  sudo routetui --netns mn- nodes                namespaces that are there already: ip netns, mininet, CNI

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


_PATH = """\
examples:
  routetui path web db                            both are nodes
  routetui path web 10.0.3.7                      or addresses: the packet is then sent from, or to, that one
  routetui path web db --json | jq -r .fixes[]    the commands that would mend it

exit codes: 0 the request arrives and its answer comes back, 1 it does not, 3 nobody can say: something was not read
"""

_MATRIX = """\
A row is who sends, a column who is asked. More than 40 nodes are shown in groups that reach, and are reached, alike.

examples:
  routetui matrix
  routetui matrix --only no --only one-way        the pairs that do not work, with the reason
  routetui matrix --json | jq '.cells[] | select(.state == "unknown")'
"""

_CHECK = """\
examples:
  routetui check two-bridges --engine sim         a built-in lab as its file promises it
  routetui check compose.yaml                     a Compose file against the Docker engine on which it is up
  routetui check compose.yaml --goal --probe      what should hold once the lab is solved, with real pings as the judge

The file says what it expects under x-routetui: expect: [{from: web, to: db, reachable: true, outcome: DELIVERED,
via: [router], route: {gateway: 10.0.1.3, dev: eth0}}]. Exit codes: 0 all of it holds, 1 something does not, 3 nobody
can say.
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
    _path(add("path", "follow a packet hop by hop, forward and back, and say what would mend it", _PATH))
    _matrix(add("matrix", "say who reaches whom: every container and the host to every other", _MATRIX))
    _check(add("check", "hold what a lab expects against what is there", _CHECK))
    add_probes(add)
    add_follow(add)
    add_route(add("route", "add a route to a node or delete one, or show what would come of it"), common)
    _run(add("run", "run a command in a node's network", _RUN))
    add("save", "save the world as it is seen now as JSON").add_argument(
        "file", metavar="FILE", help="where to; - writes to standard output"
    )
    add_lab(add("lab", "list, show, bring up and take down labs, or run a command in one"), _common(everywhere=False))
    add("completion", "print a script that completes routetui's words in a shell", _COMPLETION).add_argument(
        "shell", choices=SHELLS, help="which shell it is for"
    )
    return top


_RUN = """\
examples:
  routetui run web -- ip route                    as `docker exec` does it
  routetui --lab two-bridges run centos-net1 -- ping -c 1 172.19.0.3      in a node of a lab on the kernel

Its exit code is the command's own. With --read-only only commands that change nothing are run.
"""


def _run(run: argparse.ArgumentParser) -> None:
    """The words of run."""
    run.add_argument("node", metavar="NODE", help="a container's name, a node's, or host")
    run.add_argument("words", metavar="COMMAND", nargs=argparse.REMAINDER, help="the command and its arguments")


_COMPLETION = """\
to turn it on:
  bash   echo 'source <(routetui completion bash)' >> ~/.bashrc
  zsh    echo 'source <(routetui completion zsh)' >> ~/.zshrc      (after compinit)
  fish   routetui completion fish > ~/.config/fish/completions/routetui.fish
"""


def _common(everywhere: bool = True) -> _Parser:
    """The options of every command. Those of `lab` name no other place to look at than an engine (not `everywhere`)."""
    common = _Parser(add_help=False, argument_default=argparse.SUPPRESS, allow_abbrev=False)
    where = common.add_argument_group("where from")
    where.add_argument("--engine", choices=ENGINES, help="docker, kernel (network namespaces) or sim (in memory)")
    where.add_argument("-H", "--host", metavar="URL", help="the Docker engine's address, as docker -H has it")
    where.add_argument("--context", metavar="NAME", help="the Docker context, as docker --context has it")
    if everywhere:
        where.add_argument("--lab", metavar="NAME|FILE", help="a lab that is up on the kernel, else started for now")
        where.add_argument("--netns", metavar="PREFIX", help="as root: namespaces in /run/netns whose names begin so")
        where.add_argument(
            "--open",
            metavar="FILE",
            help="a saved world, a Compose file or pasted tables, simulated; - is standard input",
        )
    common.add_argument("--json", action="store_true", help="answer in JSON")
    common.add_argument("--read-only", action="store_true", help="change nothing (or set ROUTETUI_READ_ONLY=1)")
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


def _path(path: argparse.ArgumentParser) -> None:
    path.add_argument("node", metavar="SRC", help="who sends: a node's name or id, or one of its addresses")
    path.add_argument("dst", metavar="DST", help="who is asked: a node's name or id, or any address")


def _matrix(matrix: argparse.ArgumentParser) -> None:
    states = ("yes", "no", "one-way", "depends", "unknown")
    matrix.add_argument("--only", action="append", choices=states, help="list the pairs of this kind, with the reason")
    matrix.add_argument("--all", action="store_true", help="a row for each node, however many there are")


def _check(check: argparse.ArgumentParser) -> None:
    check.add_argument("what", metavar="LAB|FILE", help="a lab's name, or a Compose file with expectations")
    check.add_argument("--goal", action="store_true", help="what should hold once the lab is solved")
    check.add_argument("--probe", action="store_true", help="ping as well, where there is ping: the kernel judges")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the arguments; every option of the grammar is set, to its default where it was not given.

    Raises UsageError. `--help` and `--version` print and raise SystemExit(0).
    """
    words, run = _command_apart(argv)
    grammar = parser()
    options, rest = grammar.parse_known_args(words)
    if options.command == "capture" and not any(each.startswith("-") for each in rest):
        options.words = [*options.words, *rest]  # argparse lets no filter stand behind an option, tcpdump does
    elif rest:
        grammar.error(f"unrecognized arguments: {' '.join(rest)}")
    options.run = run
    for name in ("engine", *PLACES, "json", "read_only"):
        setattr(options, name, getattr(options, name, False if name in ("json", "read_only") else None))
    _refuse(options)
    return options


PLACES = {"host": "docker", "context": "docker", "lab": "kernel", "netns": "kernel", "open": "sim"}
"""The options that each say by themselves where to look, and the engine that they go with."""


def _command_apart(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """The words of routetui, and what follows `--` in `lab exec NAME -- COMMAND...`, which is not ours to read."""
    if "--" not in argv:
        return list(argv), []
    end = list(argv).index("--")
    ours = list(argv[:end])
    is_exec = "lab" in ours and "exec" in ours[ours.index("lab") :]
    return (ours, list(argv[end + 1 :])) if is_exec else (list(argv), [])


def _refuse(options: argparse.Namespace) -> None:
    """Refuse what contradicts itself."""
    given = [name for name in PLACES if getattr(options, name) is not None]
    said = {name: "-H" if name == "host" else f"--{name}" for name in given}
    if len(given) > 1:
        raise UsageError(_both(given[0], given[1], said))
    for name in given:
        if getattr(options, name) == "" and name != "netns":
            raise UsageError(f"--{name} needs a value that is not empty.")
    fits = {PLACES[name] for name in given} | ({"sim"} if given == ["lab"] else set())
    if given and options.engine not in (None, *fits):
        raise UsageError(_ELSEWHERE[given[0]].format(said[given[0]], options.engine))
    if options.command == "lab":
        _check_lab(options, said)
    if options.command == "lookup" and options.dst == "-":
        if options.open == "-":
            raise UsageError("--open - and lookup NODE - both want standard input: give one of them as a file.")
        given = [name for name in PACKET if getattr(options, name) is not None]
        if given:
            option = "from" if given[0] == "src" else given[0]
            raise UsageError(f"With lookup NODE - the packet is described on each line: leave --{option} out.")
    if options.command is None and options.json:
        raise UsageError("--json needs a command: nodes, networks, routes, lookup, path, matrix, check or a probe.")


_ELSEWHERE = {
    "open": "{} looks at a file, --engine {} at an engine: give one.",
    "lab": "{} names a lab on the kernel or in the simulator, but --engine {} was asked for: give one.",
    "netns": "{} looks at this machine's namespaces, --engine {} elsewhere: give one.",
    **dict.fromkeys(("host", "context"), "{} names a Docker engine, but --engine {} was asked for: give one."),
}


def _both(first: str, second: str, said: dict[str, str]) -> str:
    """The sentence for two options of PLACES that cannot stand together."""
    one, other = _LOOKS_AT[first], _LOOKS_AT[second]
    if one == other:
        return f"{said[first]} and {said[second]} both name {one}: give one of them."
    return f"{said[second]} looks at {other}, {said[first]} at {one}: give one."


_LOOKS_AT = {"host": "an engine", "context": "an engine", "lab": "a lab", "netns": "namespaces", "open": "a file"}


def _check_lab(options: argparse.Namespace, said: dict[str, str]) -> None:
    """Refuse what has no meaning for `lab`."""
    for name in ("open", "lab", "netns"):
        if name in said:
            raise UsageError(f"{said[name]} has no part in `routetui lab`: name the lab or the file after the command.")
    if options.lab_command == "exec":
        if not options.run:
            raise UsageError(f"Write the command after --: routetui lab exec {options.what} -- COMMAND...")
        if options.what == "-":
            raise UsageError("Standard input is the command's: give the lab as a name or a file.")
    if getattr(options, "image", None) is not None:
        if options.image == "":
            raise UsageError("--image needs a value that is not empty.")
        if options.engine in (None, "kernel", "sim") and not said:
            raise UsageError("--image is for Docker: add --engine docker. On the kernel a lab needs no image.")


PACKET = ("src", "iif", "oif", "mark", "tos", "ipproto", "sport", "dport")
"""The options that describe a packet, in the order of `ip route get`; `src` is --from."""


def colour_wanted(environment: dict[str, str]) -> bool:
    """Whether standard output is a terminal that shows colour, and nobody asked for none (NO_COLOR)."""
    return sys.stdout.isatty() and not environment.get("NO_COLOR") and environment.get("TERM", "dumb") != "dumb"
