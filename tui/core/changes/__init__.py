"""What can be changed, as values: what each change does to a World, its command, its sentence and its inverse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce

from tui.core.addresses import Address
from tui.core.changes import attaching, creating, engine_command, podman
from tui.core.commands import CommandError, adding, meaning, route_command
from tui.core.commands.inserting import plain
from tui.core.commands.refused import ChangeRefused as ChangeRefused  # part of what this module offers
from tui.core.commands.refused import RouteRefused
from tui.core.labs import Attachment
from tui.core.world import Network, Node, Route, Subnet, World


@dataclass(frozen=True, slots=True)
class AddRoute:
    """A route more on a node: verb `add`, or `append` and `prepend` where rivals of the same metric may be there."""

    node: str
    route: Route
    verb: str = "add"


@dataclass(frozen=True, slots=True)
class ReplaceRoute:
    """`ip route replace`: the route takes the place of the first one of its prefix, tos and metric, or is added."""

    node: str
    route: Route


@dataclass(frozen=True, slots=True)
class DeleteRoute:
    """Exactly this route less; in IPv6, exactly these legs of it."""

    node: str
    route: Route


@dataclass(frozen=True, slots=True)
class SetSysctl:
    """A switch of a node set: its full name with dots (a dot inside a device name is written /)."""

    node: str
    name: str
    value: int


@dataclass(frozen=True, slots=True)
class Connect:
    """A node plugged into a network. What is not given (addresses, device, MAC) the engine chooses."""

    node: str
    network: str
    addresses: tuple[Address, ...] = ()
    dev: str | None = None
    mac: str = ""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """A node unplugged from a network."""

    node: str
    network: str


@dataclass(frozen=True, slots=True)
class CreateNetwork:
    """A network more. A subnet without a gateway gets its first address as one."""

    network: Network


@dataclass(frozen=True, slots=True)
class RemoveNetwork:
    """A network less, one that no node is plugged into."""

    name: str


@dataclass(frozen=True, slots=True)
class StartNode:
    """A container of the lab more, plugged into networks in order (each a Connect, whose `node` is not looked at)."""

    name: str
    image: str = ""
    links: tuple[Connect, ...] = ()
    sysctls: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class RemoveNode:
    """A container less, with everything that was set in it."""

    name: str


@dataclass(frozen=True, slots=True)
class Several:
    """Changes made in order, as one: all of them or none."""

    changes: tuple[Change, ...]


Change = (
    AddRoute
    | ReplaceRoute
    | DeleteRoute
    | SetSysctl
    | Connect
    | Disconnect
    | CreateNetwork
    | RemoveNetwork
    | StartNode
    | RemoveNode
    | Several
)


def forwarding(node: str, on: bool, family: int = 4, dev: str | None = None) -> SetSysctl:
    """The switch that makes a node a router, or none; with `dev`, for what comes in there only.

    In IPv6 only the switch for the whole node decides (a device's own says only whether it acts as a router there).
    """
    if dev is not None:
        return SetSysctl(node, f"net.ipv{family}.conf.{dev.replace('.', '/')}.forwarding", int(on))
    return SetSysctl(node, "net.ipv4.ip_forward" if family == 4 else "net.ipv6.conf.all.forwarding", int(on))


# --- the commands ---


def command(change: Change, world: World) -> tuple[tuple[str, ...], ...]:
    """The exact commands, in order. Those of `place(change)` None are the engine's own, run where it is."""
    commands = _commands(change, world)
    return tuple(map(engine_command.for_podman, commands)) if podman.is_podman(world) else commands


def _commands(change: Change, world: World) -> tuple[tuple[str, ...], ...]:
    match change:
        case AddRoute(_, route, verb):
            return (route_command.ip_route(verb, route),)
        case ReplaceRoute(_, route):
            return (route_command.ip_route("replace", route),)
        case DeleteRoute(_, route):
            return (_delete(change, route, world),)
        case SetSysctl(_, name, value):
            return (("sysctl", "-w", f"{name}={value}"),)
        case Connect():
            dev = None if change.dev == attaching.next_dev(world, world.node(change.node)) else change.dev
            return (engine_command.connect(change.node, change.network, addressed(change, world).addresses, dev),)
        case Disconnect(name, network):
            return (engine_command.disconnect(name, network),)
        case CreateNetwork(network):
            return (engine_command.create_network(_with_gateways(network)),)
        case RemoveNetwork(name):
            return (engine_command.remove_network(name),)
        case StartNode():
            links = tuple((each.network, addressed(each, world).addresses) for each in change.links)
            return engine_command.start(change.name, change.image, links, change.sysctls)
        case RemoveNode(name):
            return (engine_command.remove(name),)
        case Several(changes):
            return tuple(words for _, words in placed(change, world)) if changes else ()


def addressed(change: Connect, world: World) -> Connect:
    """On Podman with the addresses that the World after it has: left to itself it gives others than the first free."""
    if change.addresses or not podman.is_podman(world):
        return change
    try:
        link = _attachment(world, world.node(change.node), change)
    except ChangeRefused:
        return change  # the engine says so itself
    return replace(change, addresses=tuple(each.address for each in link.addresses))


def _delete(change: DeleteRoute, route: Route, world: World) -> tuple[str, ...]:
    """The short command where it takes just this route away, else one that says everything."""
    node = world.node(change.node)
    if route.family == 6 and route.gateway is not None:
        # Legs of one metric may have different protocols, of which only the first is told; a leg's way is its own.
        route = replace(route, protocol="")
    short = route_command.ip_route("del", route)
    if node is None or _deletes(node, short, change.route):
        return short
    return route_command.ip_route("del", route, full=True)


def _deletes(node: Node, argv: tuple[str, ...], route: Route) -> bool:
    try:
        done = meaning(argv)
        after = adding.apply(node, done) if done is not None else node
    except (RouteRefused, CommandError):
        return True
    return _is_deleted(node, after, route)


def placed(change: Change, world: World) -> tuple[tuple[str | None, tuple[str, ...]], ...]:
    """Each command with the node that it runs in, None for those of the engine itself."""
    if not isinstance(change, Several):
        return tuple((place(change), words) for words in command(change, world))
    found: list[tuple[str | None, tuple[str, ...]]] = []
    for each in change.changes:
        found += placed(each, world)
        world = apply(each, world)
    return tuple(found)


def place(change: Change) -> str | None:
    """The node in which the change's commands run; None: they are the engine's. Several have a place each."""
    return change.node if isinstance(change, AddRoute | ReplaceRoute | DeleteRoute | SetSysctl) else None


def classic(change: Change) -> tuple[str, ...] | None:
    """The command in its classic form (route add -net ...); None where that cannot say it."""
    match change:
        case AddRoute(_, route, "add"):
            return route_command.classic("add", route)
        case DeleteRoute(_, route):
            return route_command.classic("del", route)
    return None


# --- what they do ---


def apply(change: Change, world: World) -> World:
    """The World after the change. Raises ChangeRefused: the kernel's or the engine's reason, and what to do."""
    after = _applied(change, world)
    inside = isinstance(change, (AddRoute, ReplaceRoute, DeleteRoute, SetSysctl, Several))
    return after if inside else _refiltered(after)


def _refiltered(world: World) -> World:
    """With networks and containers the engine changes its host's filters too: those that were read count no more."""
    nodes = (replace(each, filters=None) if each.kind == "host" and each.filters else each for each in world.nodes)
    return replace(world, nodes=tuple(nodes))


def _applied(change: Change, world: World) -> World:
    match change:
        case AddRoute() | ReplaceRoute() | DeleteRoute() | SetSysctl():
            return _inside(change, world)
        case Connect():
            node, network = attaching.named_node(world, change.node), attaching.named_network(world, change.network)
            _check_running(node)
            return attaching.connect(world, node, network, _attachment(world, node, change))
        case Disconnect(name, network_name):
            node = attaching.named_node(world, name)
            return attaching.disconnect(world, node, attaching.named_network(world, network_name))
        case CreateNetwork(network):
            return creating.create_network(world, _with_gateways(network))
        case RemoveNetwork(name):
            return creating.remove_network(world, attaching.named_network(world, name))
        case StartNode():
            return creating.start_node(world, change.name, change.image, _attachments(world, change), change.sysctls)
        case RemoveNode(name):
            return creating.remove_node(world, attaching.named_node(world, name))
        case Several(changes):
            return reduce(lambda now, each: apply(each, now), changes, world)


def _attachment(world: World, node: Node | None, change: Connect) -> Attachment:
    network = attaching.named_network(world, change.network)
    return attaching.attachment(
        world, node, change.node, network, addresses=change.addresses, dev=change.dev, mac=change.mac
    )


def _attachments(world: World, change: StartNode) -> list[Attachment]:
    links = [replace(each, node=change.name, dev=each.dev or f"eth{n}") for n, each in enumerate(change.links)]
    return [_attachment(world, None, each) for each in links]


def _with_gateways(network: Network) -> Network:
    """The network with a gateway in each subnet: the first address, as Docker takes it."""
    subnets = []
    for each in network.subnets:
        first = Address(each.prefix.version, each.prefix.network.value + 1)
        subnets.append(Subnet(each.prefix, each.gateway or first))
    return replace(network, subnets=tuple(sorted(subnets, key=lambda each: each.prefix.version)))


def _inside(change: AddRoute | ReplaceRoute | DeleteRoute | SetSysctl, world: World) -> World:
    """A command in a node, as the kernel there would take it."""
    node = attaching.named_node(world, change.node)
    if node.shares is not None:
        return _inside(replace(change, node=node.shares), world)
    _check_running(node)
    _check_read(node, change)
    (argv,) = command(change, world)
    try:
        done = meaning(argv)
        after = adding.apply(node, done) if done is not None else node
    except RouteRefused as error:
        raise ChangeRefused(_told(node, error), str(error)) from None
    except CommandError as error:
        raise ChangeRefused(f"This cannot be followed here: {error}") from None
    if isinstance(change, DeleteRoute) and not _is_deleted(node, after, change.route):
        told = f"No command can name that route to {change.route.dst.brief} apart from another before it"
        raise ChangeRefused(f"{told}: delete the other first.")
    return attaching.put(world, after)


def _told(node: Node, error: RouteRefused) -> str:
    """The kernel's reason as a sentence; a name that begins it stays as it is written."""
    reason = error.reason or f"{str(error).rstrip('.')}."
    names = (node.name, *(each.name for each in node.interfaces))
    named = reason.startswith(names) or ":" in reason.split(" ", 1)[0]  # an IPv6 address keeps its letters
    return reason if named else reason[:1].upper() + reason[1:]


def _check_running(node: Node) -> None:
    if node.state not in ("running", "paused"):
        raise ChangeRefused(f"{node.name} is {node.state}: start it first.")


def _check_read(node: Node, change: Change) -> None:
    """What was not read cannot be changed with its effect shown."""
    topics = {"sysctls"} if isinstance(change, SetSysctl) else {"links", "addresses"}
    if isinstance(change, AddRoute | ReplaceRoute | DeleteRoute):
        route = change.route
        topics |= {f"routes{route.family}"} | (set() if route.table == "main" else {f"tables{route.family}"})
        if any(hop.dev and hop.dev not in {each.name for each in node.interfaces} for hop in route.nexthops):
            return
    unread = sorted(topics & set(node.missing))
    if unread:
        told = f"What {node.name} has now could not be read ({', '.join(unread)}), so its effect cannot be told."
        raise ChangeRefused(f"{told} {node.problem}".rstrip())
    if isinstance(change, SetSysctl) and change.name.endswith(".disable_ipv6"):
        raise ChangeRefused("disable_ipv6 takes every IPv6 address away, and cannot be undone: it is not set here.")


def _is_deleted(before: Node, after: Node, route: Route) -> bool:
    """Whether just this route is gone, or just these legs of it: `ip route del` takes the first that fits."""
    gone, left = _difference(before.routes, after.routes)
    if len(gone) == 1 and not left:
        return plain(gone[0]) == plain(route)
    if route.family == 6 and len(gone) == 1 and len(left) == 1:
        legs = [hop for hop in gone[0].nexthops if hop not in left[0].nexthops]
        return {(hop.dev, hop.gateway) for hop in legs} == {(hop.dev, hop.gateway) for hop in route.nexthops}
    return False


def _difference(before: Sequence[Route], after: Sequence[Route]) -> tuple[Sequence[Route], Sequence[Route]]:
    """What two long tables have between the beginning and the end that they share."""
    shorter = min(len(before), len(after))
    start = next((n for n in range(shorter) if before[n] is not after[n]), shorter)
    end = next((n for n in range(shorter - start) if before[-1 - n] is not after[-1 - n]), shorter - start)
    return before[start : len(before) - end], after[start : len(after) - end]
