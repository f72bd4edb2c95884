"""The grammar of `routetui lab`: its subcommands, and the help that shows each with examples."""

from __future__ import annotations

import argparse
from collections.abc import Callable

_LAB = """\
a lab is a Compose file: networks and containers, what to try in them, and what to expect.

examples:
  routetui lab list                               the built-in labs, and those that are up
  routetui lab show two-bridges                   its story, its networks, what to try
  routetui lab up two-bridges                     on this machine's kernel: no Docker, no root, no image
  routetui --lab two-bridges                      look at it; so does `routetui --lab two-bridges routes centos-net1`
  routetui lab down two-bridges                   all of it is gone
  routetui lab exec ./lab.yaml -- ./test.sh       up, run ./test.sh, down
"""

_UP = """\
where:
  --engine kernel    network namespaces on this machine; one process holds them until `lab down` (the default)
  --engine docker    containers, labelled routetui.lab=NAME and as a Compose project; -H and --context imply it
  --engine sim       nothing is started: prints the world that the lab would be

examples:
  routetui lab up two-bridges
  routetui lab up ./compose.yaml --engine docker --image my/toolbox
"""

_EXEC = """\
COMMAND is run on this machine, with ROUTETUI_LAB and ROUTETUI_ENGINE naming the lab: every routetui that it starts
looks at that lab. The exit code is COMMAND's. However it ends, interrupted or killed, the lab is gone afterwards.
On the kernel any number may run at once, each with a lab of its own.

examples:
  routetui lab exec two-bridges -- routetui lookup centos-net1 172.20.0.2
  routetui lab exec ./lab.yaml --engine docker -- pytest tests/routing
  routetui lab exec two-bridges -- bash            a shell that sees the lab
"""

Add = Callable[..., argparse.ArgumentParser]
_WHAT = {"metavar": "NAME|FILE", "help": "a built-in lab, or a Compose file; - is standard input"}


def add_lab(lab: argparse.ArgumentParser, common: argparse.ArgumentParser) -> None:
    """Give the parser of `lab` its subcommands; `common` are the options that may stand everywhere."""
    lab.epilog = _LAB
    commands = lab.add_subparsers(
        dest="lab_command", metavar="COMMAND", title="commands", required=True, parser_class=type(lab)
    )

    def add(name: str, text: str, epilog: str = "") -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=text,
            description=f"{text[:1].upper()}{text[1:]}.",
            parents=[common],
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    add("list", "list the built-in labs, and those that are up and where")
    show = add("show", "tell a lab's story, its networks and nodes, what to try and what to expect")
    show.add_argument("what", **_WHAT)  # type: ignore[arg-type]
    show.add_argument("--solution", action="store_true", help="tell the commands that solve it, too")
    up = add("up", "bring a lab up, where it stays until `lab down`", _UP)
    up.add_argument("what", **_WHAT)  # type: ignore[arg-type]
    _image(up)
    down = add("down", "end a lab: exactly what `lab up` made is removed")
    down.add_argument("what", metavar="NAME|FILE", help="a lab that is up, or the Compose file that it was made of")
    run = add("exec", "bring a lab up, run a command that sees it, take it down", _EXEC)
    run.usage = "routetui lab exec NAME|FILE [options] -- COMMAND..."
    run.add_argument("what", **_WHAT | {"help": "a built-in lab, or a Compose file"})  # type: ignore[arg-type]
    _image(run)


def _image(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--image",
        metavar="IMAGE",
        help="on Docker: the image of every container (else ROUTETUI_LAB_IMAGE, else the file's own)",
    )
