"""What a probe saw, in plain sentences: each failure explained, and who is behind each address."""

from __future__ import annotations

from tui.core.addresses import Address
from tui.core.naming import called, network_of, opening, owner_of
from tui.core.probes.meanings import Meaning, marked, meaning
from tui.core.probes.results import Connection, ConnectResult, Fault, PingResult, TraceHop
from tui.core.world import Node, World


def behind(address: Address, node: Node, world: World) -> str | None:
    """Who answers to an address as `node` sees it: "centos-router (eth1)", "the host (br-net1)"; None where unknown.

    Neighbours go before nodes elsewhere, since two networks may use the same addresses.
    """
    owner = _near(address, node, world)
    if owner is None:
        return None
    dev = next((interface.name for interface, each in owner.addresses() if each.address == address), None)
    return f"{called(owner)} ({dev})" if dev else called(owner)


def _near(address: Address, node: Node, world: World) -> Node | None:
    if any(each.address == address for _, each in node.addresses()):
        return node
    for interface in node.interfaces:
        found = owner_of(address, node, interface.name, world)
        if found is not None and network_of(node, interface.name, world) in _networks(found, world):
            return found
    return owner_of(address, node, None, world)


def _networks(node: Node, world: World) -> set[str | None]:
    return {network_of(node, each.name, world) for each in node.interfaces}


def place(address: Address, node: Node, world: World) -> str:
    """An address with who is behind it: "172.19.0.3, centos-router (eth0)", or the bare address."""
    who = behind(address, node, world)
    return f"{address}, {who}" if who else str(address)


def fault(each: Fault, node: Node, world: World, target: Address) -> str:
    """An error explained: what the one who says it could not do, and where to look."""
    means = meaning(each)
    if means.is_here or each.sender is None:
        return _here(means, each, node, target)
    who = behind(each.sender, node, world) or str(each.sender)
    here = any(address.address == each.sender for _, address in node.addresses())
    match means:
        case Meaning.HOST_UNREACHABLE if here:
            return f"{opening(node)} says so itself: nobody on its link answered for the next hop to {target}."
        case Meaning.HOST_UNREACHABLE:
            return f"{_start(who)} could not find the next hop: nobody on its link answered for it."
        case Meaning.NET_UNREACHABLE:
            return f"{_start(who)} has no route to {target}, or an unreachable route for it."
        case Meaning.PROHIBITED:
            return f"{_start(who)} refuses it: a firewall rule that rejects, or a prohibit route."
        case Meaning.PORT_UNREACHABLE:
            return f"{_start(who)} answered that the port is closed; for a ping that is a firewall rule that rejects."
        case Meaning.TTL_EXCEEDED:
            return f"The ttl ran out at {who}: a loop, or a ttl too small for the way."
        case Meaning.TOO_BIG:
            return f"{_start(who)} cannot pass on a packet of that size, and it may not be cut ({each.text})."
        case Meaning.REDIRECT:
            return f"{_start(who)} passed it on, and says that a better gateway is on the same link: {each.text}."
    return f"{_start(who)} says: {each.text}."


def _start(who: str) -> str:
    return f"T{who[1:]}" if who.startswith("the ") else who


def _here(means: Meaning, each: Fault, node: Node, target: Address) -> str:
    who, start = called(node), opening(node)
    match means:
        case Meaning.HERE_NO_ROUTE:
            return (
                f"No route here: {who} has no route to {target}, so nothing was sent. Add a route, or a default route."
            )
        case Meaning.HERE_UNREACHABLE:
            return f"{start} has an unreachable route for {target}, so nothing was sent; or the next hop stays silent."
        case Meaning.HERE_BLACKHOLE:
            return (
                f"{start} has a blackhole route for {target} (or an address that cannot be sent to): nothing was sent."
            )
        case Meaning.HERE_PROHIBITED:
            return f"{start} may not send there: a prohibit route or rule, or {target} is a broadcast address."
        case Meaning.HERE_FILTERED:
            return f"A firewall on {who} itself dropped it on its way out."
        case Meaning.HERE_NO_SOURCE:
            return f"{start} does not have the source address that was asked for."
        case Meaning.HERE_NO_DEVICE:
            return f"{start} does not have the device that was asked for."
        case Meaning.HERE_TOO_BIG:
            return f"The packet is longer than the link of {who} takes, and it may not be cut ({each.text})."
        case Meaning.HERE_NOT_ALLOWED:
            return f"{start} may not make packets of its own: it lacks the capability NET_RAW ({each.text})."
        case Meaning.HERE_NO_TOOL:
            return each.text
    return f"{start} says: {each.text}."


def silence(target: Address) -> str:
    """Requests without any answer explained."""
    return (
        f"Silence: the request or the reply was dropped without a word on the way, or {target} "
        "has no way back to the sender. A traceroute shows how far it gets."
    )


RATIONED = "Linux sends each peer six errors at once, then one a second (icmp_ratelimit)"
"""Why some of many probes see nothing: the token bucket of inet_peer_xrlim_allow, XRLIM_BURST_FACTOR tokens deep."""


def star(hop: TraceHop) -> str:
    """The stars of one ttl explained."""
    if hop.answers:
        return f"Some probes had no answer: {RATIONED}, or their packets went another way."
    return (
        "Nobody answered for this ttl: the packets died before it, its answers have no way back, or the device there "
        f"sends no ICMP errors, or no more of them for now. {RATIONED}."
    )


def mark(each: str, address: Address, node: Node, world: World, target: Address) -> str:
    """A mark of traceroute explained."""
    words = {
        Meaning.NET_UNREACHABLE: "net unreachable",
        Meaning.HOST_UNREACHABLE: "host unreachable",
        Meaning.PROHIBITED: "prohibited",
        Meaning.PORT_UNREACHABLE: "port unreachable",
        Meaning.TOO_BIG: "too big",
    }
    text = words.get(marked(each), f"an error of kind {each}")
    return fault(Fault(text, address), node, world, target)


def ping_summary(result: PingResult) -> str:
    """The counts in a line: "4 sent, 4 answered, 0% lost; 0.064/0.111/0.098/0.175 ms ..."."""
    parts = [f"{result.sent} sent, {result.received} answered, {result.loss:.0%} lost"]
    if result.duplicates:
        parts.append(f"{result.duplicates} duplicate{'s' if result.duplicates != 1 else ''}")
    if result.faulty:
        parts.append(f"{result.faulty} error{'s' if result.faulty != 1 else ''}")
    if (times := result.times) is not None:
        parts.append(
            f"min {times.minimum:.3f}, average {times.average:.3f}, median {times.median:.3f}, "
            f"max {times.maximum:.3f}, jitter {times.jitter:.3f} ms"
        )
    return "; ".join(parts)


def connection(result: ConnectResult, node: Node, target: Address, port: int) -> str:
    """How a TCP connect ended, explained."""
    match result.state:
        case Connection.CONNECTED:
            return f"Connected: something listens on port {port} of {target}."
        case Connection.REFUSED:
            return f"Refused: {target} is reached, and nothing listens on its port {port}, or a firewall answers so."
        case Connection.TIMED_OUT:
            return (
                f"No answer in time: the request or its answer was dropped without a word, or {target} has no way back."
            )
        case Connection.UNREACHABLE if "Network is unreachable" in result.text:
            return f"Unreachable: {called(node)}, or a router on the way, has no route to {target}."
        case Connection.UNREACHABLE if "Cannot assign" in result.text:
            return f"{opening(node)} does not have the source address that was asked for: nothing was sent."
        case Connection.UNREACHABLE if "Invalid argument" in result.text:
            return f"{opening(node)} has a blackhole route for {target}: nothing was sent."
        case Connection.UNREACHABLE:
            return f"Unreachable: {called(node)} or somebody on the way found no next hop for {target}, or rejects."
        case Connection.PROHIBITED:
            return f"{opening(node)} may not send there: a prohibit route or rule, or a firewall of its own."
    return "It could not be told how this ended."
