"""What the packet filters of a host do where they were not read: a model of what Docker's engines install, and no more.

On the host of a Docker engine, and of a lab that stands in for one, a model of the engine's rules decides, and says
that it is a model; on any other host with several bridges nobody can say.
"""

from __future__ import annotations

import re

from tui.core.addresses import Address
from tui.core.path.filtered import PASSES, Verdict
from tui.core.path.hops import Packet
from tui.core.world import Network, Node, World

SINK = "routetui-sink"
"""The device that swallows what would cross between bridges, where a lab's host has no packet filter."""

BRIDGE_NF = "net.bridge.bridge-nf-call-iptables"
"""Whether frames that a bridge passes from one port to another go through the IPv4 rules too."""


def verdict(world: World, node: Node, iif: str, oif: str | None, packet: Packet) -> Verdict:
    """What the node's rules do with a packet that came in by `iif`.

    `oif` None: before its route is looked up (PREROUTING). Else it is about to leave by `oif` (FORWARD); the same
    bridge as `iif` and `oif` stands for a frame that the bridge passes from one of its ports to another.
    """
    if node.kind != "host" or not packet.src:
        return PASSES
    came, leaves = _carried(world, iif), _carried(world, oif)
    engine = world.engine
    if engine.startswith(("lab ", "kernel: ", "simulated")):
        return _lab(came, leaves, oif)
    if engine.startswith("docker://"):
        if oif is None:
            return _before_routing(world, iif, packet)
        return _docker(world, node, came, leaves, packet)
    if came is not None and leaves is not None and came != leaves:
        return Verdict(
            None, "", f"it would cross from {came.name} to {leaves.name}, and the host's rules were not read"
        )
    if engine.startswith("podman://") and came is not None and came == leaves:
        return _masqueraded(node, came, packet)
    return PASSES


def _masqueraded(host: Node, network: Network, packet: Packet) -> Verdict:
    """What Podman's bridge passes on to an address of another network.

    Its rules give all that leaves a network's subnet another source, whichever way it goes.
    """
    switch = BRIDGE_NF if packet.dst.version == 4 else BRIDGE_NF.replace("iptables", "ip6tables")
    value = host.sysctl(switch)
    if network.internal or packet.reply or value == 0 or _within(network, packet.dst):
        return PASSES
    known = "is 1" if value else "was not read"
    why = f"Podman may give it another source, since {switch} {known}, and the host's rules were not read"
    return Verdict(None, "", why)


def _carried(world: World, dev: str | None) -> Network | None:
    """The bridge network of the engine that a device of the host carries."""
    return next((each for each in world.networks if each.bridge == dev), None) if dev else None


def _lab(came: Network | None, leaves: Network | None, oif: str | None) -> Verdict:
    if came is not None and (oif == SINK or (leaves is not None and leaves != came)):
        return _isolated(came, leaves)
    return PASSES


def _isolated(came: Network, leaves: Network | None, rule: str = "DOCKER-ISOLATION-STAGE-2") -> Verdict:
    other = leaves.name if leaves else "another network"
    dev = f" -o {leaves.bridge}" if leaves else ""
    return _drops(f"{rule}{dev}", f"it keeps what comes from {came.name} out of {other}")


def _drops(rule: str, why: str) -> Verdict:
    return Verdict(False, rule, f"Docker's isolation (a model, its rules were not read): {why}", True)


def _docker(world: World, host: Node, came: Network | None, leaves: Network | None, packet: Packet) -> Verdict:
    major = _major(world.engine)
    if came is None or leaves is None:
        return _at_the_edge(came, leaves, packet)
    if packet.dst.version == 6 and (major is None or major < 27):
        # ip6tables is on by default since 27.0 only.
        return PASSES if came == leaves else Verdict(None, "", "whether the engine filters IPv6 was not read")
    if came == leaves:
        return _bridged(host, came, packet)
    for network in (came, leaves):
        if _mode(network, packet.dst.version) != "nat":
            return Verdict(None, "", f"the rules for the gateway mode of {network.name} were not read")
    if major is None or major < 28:
        return _isolated(came, leaves)
    if packet.reply:
        return Verdict(None, "", "the host may let an answer pass whose question it saw; its rules were not read")
    return _isolated(came, leaves, f"DOCKER ! -i {leaves.bridge}")


def _at_the_edge(came: Network | None, leaves: Network | None, packet: Packet) -> Verdict:
    """One side is no bridge of the engine: out of the host, or in from elsewhere."""
    if came is not None and came.internal:
        return _drops(f"! -d SUBNET -i {came.bridge}", f"{came.name} is internal")
    if leaves is not None and leaves.internal:
        return _drops(f"! -s SUBNET -o {leaves.bridge}", f"{leaves.name} is internal")
    if leaves is not None and not packet.reply:
        return Verdict(None, "", f"it comes from outside into {leaves.name}, and the host's rules were not read")
    return PASSES


def _bridged(host: Node, network: Network, packet: Packet) -> Verdict:
    """From one port of a bridge to another: only with bridge-nf-call-iptables do the rules see it."""
    rule, why = "", ""
    subnets = [each.prefix for each in network.subnets]
    if network.internal and subnets and not all(_within(network, each) for each in (packet.src, packet.dst) if each):
        rule, why = f"! -d SUBNET -i {network.bridge}", f"{network.name} is internal and an address lies outside of it"
    if dict(network.options).get("com.docker.network.bridge.enable_icc") == "false":
        rule, why = f"-i {network.bridge} -o {network.bridge}", f"{network.name} has enable_icc=false"
    return _if_bridges_filter(host, packet, rule, why) if rule else PASSES


def _if_bridges_filter(host: Node, packet: Packet, rule: str, why: str) -> Verdict:
    value = host.sysctl(BRIDGE_NF if packet.dst.version == 4 else BRIDGE_NF.replace("iptables", "ip6tables"))
    if value is None:
        return Verdict(None, rule, f"{why}: it is dropped if {BRIDGE_NF} is 1 on the host, which was not read")
    return _drops(rule, f"{why}, and {BRIDGE_NF} is 1") if value else PASSES


def _before_routing(world: World, iif: str, packet: Packet) -> Verdict:
    """Since engine 28, a container's address is dropped in the raw table unless it comes in by its own bridge."""
    major = _major(world.engine)
    home = _home(world, packet.dst) if major is not None and major >= 28 else None
    if home is None or home.bridge == iif or home.internal:
        return PASSES
    if _mode(home, packet.dst.version) != "nat":
        return Verdict(None, "", f"the rules for the gateway mode of {home.name} were not read")
    rule = f"raw PREROUTING -d {packet.dst} ! -i {home.bridge} -j DROP"
    return _drops(rule, f"{packet.dst} belongs to a container of {home.name}, and only its own bridge may bring it")


def before_the_bridge(world: World, host: Node, bridge: str, packet: Packet) -> Verdict:
    """The same for a frame that a bridge passes on: the rules see it only with bridge-nf-call-iptables."""
    dropped = verdict(world, host, bridge, None, packet)
    if dropped.passes is not False:
        return dropped
    why = dropped.reason.partition(": ")[2]
    return _if_bridges_filter(host, packet, dropped.rule, why)


def _home(world: World, address: Address) -> Network | None:
    """The engine's bridge network on which a container was given this address."""
    for network in world.networks:
        if network.bridge is None or not _within(network, address):
            continue
        for node, interface in world.members(network.name):
            own = [each.address for each in interface.addresses if _within(network, each.address)]
            if node.kind != "host" and address in own[:1]:
                return network
    return None


def _within(network: Network, address: Address) -> bool:
    return any(each.prefix.covers(address) for each in network.subnets)


def _mode(network: Network, version: int) -> str:
    return dict(network.options).get(f"com.docker.network.bridge.gateway_mode_ipv{version}", "nat")


def _major(engine: str) -> int | None:
    """The engine's major version, as the label ends: `docker://local 28.5.2`."""
    found = re.search(r" (\d+)\.\d", engine)
    return int(found[1]) if found else None
