"""Changes that need a few words from a person, or none: what is asked for, and the change that the answers come to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tui.core.addresses import Address, AddressError, parse_address, parse_prefix
from tui.core.changes import (
    Change,
    ChangeRefused,
    Connect,
    CreateNetwork,
    DeleteRoute,
    Disconnect,
    RemoveNetwork,
    RemoveNode,
    StartNode,
    forwarding,
)
from tui.core.changes.sentence import destination
from tui.core.world import Network, Node, Route, Subnet, World


@dataclass(frozen=True, slots=True)
class Blank:
    """A field to fill in: its name, what stands in it at first, what may be completed, and what is meant.

    One that may stay empty is not `needed`.
    """

    name: str
    value: str = ""
    words: tuple[str, ...] = ()
    placeholder: str = ""
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a form asks for. `make` gives the change for the texts of the blanks by name; it raises ChangeRefused.

    `at` is the node whose lookup the preview repeats, where a destination is asked for.
    """

    title: str
    blanks: tuple[Blank, ...]
    make: Callable[[Mapping[str, str]], Change]
    at: str | None = None


# --- without a question ---


def delete(node: str, route: Route) -> Recipe:
    """A route less."""
    title = f"Delete the route to {destination(route)} on {node}"
    return Recipe(title, (), lambda _: DeleteRoute(node, route), node)


def switch(node: Node, family: int) -> Recipe:
    """Forwarding on where it is off, and the other way round."""
    name = "net.ipv4.ip_forward" if family == 4 else "net.ipv6.conf.all.forwarding"
    on = not node.sysctl(name)
    title = f"Turn IPv{family} forwarding {'on' if on else 'off'} on {node.name}"
    return Recipe(title, (), lambda _: forwarding(node.name, on, family), node.name)


# --- with a few ---


def connect(world: World, node: str | None) -> Recipe:
    """A node plugged into a network that it is not on."""
    here = world.node(node) if node else None
    on = {each.network for each in here.interfaces} if here else set()
    away = tuple(each.name for each in _bridges(world) if each.name not in on)
    blanks = (
        Blank("node", here.name if here and here.kind != "host" else "", _nodes(world), "a container"),
        Blank("network", away[0] if len(away) == 1 else "", away, "a network"),
        Blank("address", "", (), "the engine chooses, or such as 172.20.0.9", needed=False),
    )

    def make(given: Mapping[str, str]) -> Change:
        return Connect(_needed(given, "node"), _needed(given, "network"), _addresses(given["address"]))

    return Recipe("Connect a container to a network", blanks, make)


def disconnect(world: World, node: str | None) -> Recipe:
    """A node unplugged."""
    here = world.node(node) if node else None
    on = tuple(dict.fromkeys(each.network for each in here.interfaces if each.network)) if here else ()
    everywhere = tuple(each.name for each in _bridges(world))
    blanks = (
        Blank("node", here.name if here and here.kind != "host" else "", _nodes(world), "a container"),
        Blank("network", on[0] if len(on) == 1 else "", on or everywhere, "a network that it is on"),
    )
    make: Callable[[Mapping[str, str]], Change] = lambda given: Disconnect(  # noqa: E731
        _needed(given, "node"), _needed(given, "network")
    )
    return Recipe("Disconnect a container from a network", blanks, make)


def create_network(world: World) -> Recipe:
    """A network more."""
    taken = {each.name for each in world.networks}
    name = next(f"net{number}" for number in range(1, 10_000) if f"net{number}" not in taken)
    blanks = (
        Blank("name", name, (), "its name"),
        Blank("subnet", _free(world), (), "such as 172.21.0.0/16, and an IPv6 one after a comma"),
        Blank("gateway", "", (), "the first address", needed=False),
        Blank("internal", "no", ("no", "yes"), "yes: no way out"),
    )

    def make(given: Mapping[str, str]) -> Change:
        gateways = _addresses(given["gateway"])
        subnets = []
        for text in _needed(given, "subnet").replace(",", " ").split():
            try:
                prefix = parse_prefix(text)
            except AddressError as error:
                raise ChangeRefused(str(error)) from None
            subnets.append(Subnet(prefix, next((each for each in gateways if prefix.covers(each)), None)))
        internal = _yes(given["internal"], "internal")
        return CreateNetwork(Network(_needed(given, "name"), subnets=tuple(subnets), internal=internal))

    return Recipe("Create a network", blanks, make)


def remove_network(world: World) -> Recipe:
    """A network less: one that nobody is on comes first."""
    used = {each.network for node in world.nodes if node.kind != "host" for each in node.interfaces}
    names = tuple(each.name for each in sorted(_bridges(world), key=lambda each: each.name in used))
    first = names[0] if names and names[0] not in used else ""
    blanks = (Blank("network", first, names, "a network that no container is on"),)
    return Recipe("Remove a network", blanks, lambda given: RemoveNetwork(_needed(given, "network")))


def start(world: World) -> Recipe:
    """A container more, on networks in order; an address may stand after = ."""
    taken = {each.name for each in world.nodes}
    name = next(f"box{number}" for number in range(1, 10_000) if f"box{number}" not in taken)
    images = tuple(dict.fromkeys(each.image for each in world.nodes if each.image))
    names = tuple(each.name for each in _bridges(world))
    blanks = (
        Blank("name", name, (), "its name"),
        Blank("networks", names[0] if names else "", names, "net1, or net1=172.19.0.9, several with blanks between"),
        Blank("image", images[0] if images else "", images, "an image", needed=False),
        Blank("forwards", "no", ("no", "yes"), "yes: a router"),
    )

    def make(given: Mapping[str, str]) -> Change:
        links = []
        for word in given["networks"].replace(",", " ").split():
            network, _, address = word.partition("=")
            links.append(Connect("", network, _addresses(address)))
        sysctls = (("net.ipv4.ip_forward", 1),) if _yes(given["forwards"], "forwards") else ()
        return StartNode(_needed(given, "name"), given["image"].strip(), tuple(links), sysctls)

    return Recipe("Start a container", blanks, make)


def remove(world: World, node: str | None) -> Recipe:
    """A container less."""
    names = _nodes(world)
    blanks = (Blank("node", node if node and node in names else "", names, "a container"),)
    return Recipe("Remove a container", blanks, lambda given: RemoveNode(_needed(given, "node")))


# --- reading the blanks ---


def _needed(given: Mapping[str, str], name: str) -> str:
    text = given[name].strip()
    if not text:
        raise ChangeRefused(f"Write a {name}.")
    return text


def _addresses(text: str) -> tuple[Address, ...]:
    try:
        return tuple(parse_address(each) for each in text.replace(",", " ").split())
    except AddressError as error:
        raise ChangeRefused(str(error)) from None


def _yes(text: str, name: str) -> bool:
    answers = {"": False, "n": False, "no": False, "y": True, "yes": True}
    try:
        return answers[text.strip().lower()]
    except KeyError:
        raise ChangeRefused(f"{name} is yes or no.") from None


def _nodes(world: World) -> tuple[str, ...]:
    return tuple(each.name for each in world.nodes if each.kind != "host")


def _bridges(world: World) -> list[Network]:
    return [each for each in world.networks if each.driver not in ("host", "null")]


def _free(world: World) -> str:
    """The first private /16 of Docker's own pool that no subnet here overlaps."""
    taken = [each.prefix for network in world.networks for each in network.subnets]
    for number in range(18, 32):
        prefix = parse_prefix(f"172.{number}.0.0/16")
        if not any(each.covers(prefix.address) or prefix.covers(each.address) for each in taken):
            return str(prefix)
    return ""
