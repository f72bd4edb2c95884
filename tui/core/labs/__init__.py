"""A lab as a value: its networks, services, hooks, story and expectations; what an engine needs to bring it up.

`tui.core.labs.compose` reads one from a Compose file, `tui.core.labs.layout` turns one into the World that stands after
`up`, `tui.core.labs.composing` writes a World back as a Compose document.
"""

from __future__ import annotations

from dataclasses import dataclass

from tui.core.addresses import Address
from tui.core.world import InterfaceAddress, Network, NextHop, Route, Rule

OUTCOMES = (
    "DELIVERED",
    "NO_ROUTE",
    "REFUSED_BY_ROUTE",
    "NEXT_HOP_SILENT",
    "NOT_FORWARDING",
    "FILTERED",
    "REVERSE_PATH",
    "TTL_EXCEEDED",
    "LEAVES",
    "UNKNOWN",
)
"""What may become of a packet: the words that an expectation's `outcome` takes."""

LAB_SYSCTLS = {"net.ipv4.ip_forward": 0, "net.ipv4.conf.all.rp_filter": 0, "net.ipv4.conf.default.rp_filter": 0}
"""What every container of a lab starts from, unless its service says otherwise, so that a lab means the same on every
machine: a fresh network namespace would otherwise copy these from the machine (net.core.devconf_inherit_init_net)."""


class LabError(ValueError):
    """A lab that cannot be read or built; str() is one sentence, `line 12: ...` where the line is known.

    `line` counts from 1, None where nothing in the file stands for the trouble.
    """

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(f"line {line}: {message}" if line else message)
        self.line = line


@dataclass(frozen=True, slots=True)
class RouteCommand:
    """`ip route VERB ROUTE`: verb is add, append, prepend, replace, change or del."""

    verb: str
    route: Route


@dataclass(frozen=True, slots=True)
class RuleCommand:
    """`ip rule VERB RULE`: verb is add or del. A `rule` whose priority is -1 takes the kernel's choice."""

    verb: str
    rule: Rule


@dataclass(frozen=True, slots=True)
class SysctlCommand:
    """`sysctl -w NAME=VALUE`, the name in full and with dots (a dot inside a device name is written /)."""

    name: str
    value: int


@dataclass(frozen=True, slots=True)
class LinkCommand:
    """`ip link set dev DEV up` or `down`."""

    dev: str
    up: bool


Meaning = RouteCommand | RuleCommand | SysctlCommand | LinkCommand


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a hook, in order: `argv` as it is run, and what it means to routing (None: nothing known).

    A hook that runs a shell list (`sh -c "a && b"`) gives one Command for each of its commands. `may_fail` marks one
    whose failure the list tolerates (`a || true`). `of_command` marks one that stands in the service's own command or
    entrypoint: a container engine runs it by itself, where there is no container it must be run like a hook.
    """

    argv: tuple[str, ...]
    meaning: Meaning | None = None
    user: str = ""
    privileged: bool = False
    may_fail: bool = False
    of_command: bool = False
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A service's interface on a network, addresses assigned: `dev` is eth0, eth1, ... in the order they are attached.

    `network` is the Network's name, `mac` lower-case with colons, always set. `fixed` are the addresses that the file
    gives itself. `sysctls` are (name, value) pairs to set once the interface is there.
    """

    network: str
    dev: str
    mac: str
    addresses: tuple[InterfaceAddress, ...] = ()
    gateway_priority: int = 0
    fixed: tuple[Address, ...] = ()
    sysctls: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Service:
    """One container of a lab. `name` is the container's and the node's; `key` the service's in the file.

    `sysctls` are sorted (name, value) pairs with LAB_SYSCTLS filled in; they are set before the interfaces are
    attached, so that conf.default counts for them. `gateways` are the default routes that Docker sets, at most one of
    each family. `hooks` run in order once the container is up. `shares` names the node whose network this one uses
    (`network_mode: service:X`, `container:X`, or `host`). Such a service has no attachments, nor has network_mode none.
    """

    name: str
    key: str
    image: str = ""
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    cap_add: tuple[str, ...] = ()
    privileged: bool = False
    network_mode: str = ""
    shares: str | None = None
    sysctls: tuple[tuple[str, int], ...] = ()
    attachments: tuple[Attachment, ...] = ()
    gateways: tuple[NextHop, ...] = ()
    hooks: tuple[Command, ...] = ()
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Expectation:
    """What should hold: a packet from node `src` to `dst` (a node's name or an address).

    `reachable` means that an answer comes back; `outcome` is one of OUTCOMES for the way there; `via` are the nodes
    between, in order; `route` are (word, value) pairs of the route that `src` chooses, in the names of `ip -j`.
    What is None or empty is not asked.
    """

    src: str
    dst: str
    reachable: bool | None = None
    outcome: str | None = None
    via: tuple[str, ...] | None = None
    route: tuple[tuple[str, str], ...] = ()
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Lab:
    """A lab, complete: every subnet, address, interface and default route is decided.

    `networks` are sorted by name; those also named in `external` are not the lab's to make or remove. `services` are
    in the order in which they start. `text` is the story, `steps` what to try. `expectations` hold as the lab comes
    up; `goals` hold once every (node, command) of `solution` was run in order. `notes` are sentences about what was
    ignored or assumed, with their lines.
    """

    name: str
    title: str = ""
    text: str = ""
    steps: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()
    external: tuple[str, ...] = ()
    services: tuple[Service, ...] = ()
    expectations: tuple[Expectation, ...] = ()
    solution: tuple[tuple[str, Command], ...] = ()
    goals: tuple[Expectation, ...] = ()
    notes: tuple[str, ...] = ()
