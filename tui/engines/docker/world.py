"""What the engine's API lists, as networks and nodes without tables: who is there, on what, in which state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tui.core.addresses import Address, AddressError, Prefix, parse_address, parse_prefix
from tui.core.world import Interface, InterfaceAddress, Network, Node, Subnet
from tui.engines.base import clean

HOST = "host"
"""The name of the node that stands for the engine's own network stack."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A container's place on a network, as the engine lists it. Empty strings and None: it has none now."""

    network: str
    mac: str = ""
    addresses: tuple[InterfaceAddress, ...] = ()
    gateways: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True)
class Container:
    """A container as the engine lists it. `mode` is its network mode, `health` whether the engine checks its health."""

    id: str
    name: str
    state: str
    image: str
    mode: str
    endpoints: tuple[Endpoint, ...] = ()
    health: bool = False

    @property
    def shares(self) -> str | None:
        """The id or name of the container whose network it uses, "host", or None where it has one of its own."""
        kind, _, other = self.mode.partition(":")
        return other if kind == "container" else HOST if kind == HOST else None


def networks(listed: Iterable[Mapping[str, Any]]) -> tuple[Network, ...]:
    """The networks of GET /networks, sorted by name. Names are unique: a second of one name carries its id."""
    found: dict[str, Network] = {}
    for each in sorted(listed, key=lambda each: (str(each.get("Name")), str(each.get("Id")))):
        one = _network(each)
        found[one.name] = one if one.name not in found else replace(one, name=_with_id(one.name, one.id))
    unique = {network.name: network for network in found.values()}
    return tuple(unique[name] for name in sorted(unique))


def _network(each: Mapping[str, Any]) -> Network:
    options = {clean(str(key)): clean(str(value)) for key, value in (each.get("Options") or {}).items()}
    identity, driver = clean(each.get("Id") or ""), clean(each.get("Driver") or "")
    named = options.get("com.docker.network.bridge.name") or clean(each.get("network_interface") or "")
    return Network(
        name=clean(each.get("Name") or "") or identity[:12],
        id=identity,
        driver=driver,
        scope=clean(each.get("Scope") or ""),
        subnets=tuple(_subnets((each.get("IPAM") or {}).get("Config") or ())),
        internal=bool(each.get("Internal")),
        bridge=(named or f"br-{identity[:12]}") if driver == "bridge" else None,
        options=tuple(sorted(options.items())),
    )


def _subnets(pools: Iterable[Mapping[str, Any]]) -> Iterable[Subnet]:
    for pool in pools:
        try:
            prefix = parse_prefix(pool.get("Subnet") or "").network
        except AddressError:
            continue
        yield Subnet(prefix, _address(pool.get("Gateway")))


def _address(text: str | None) -> Address | None:
    """An address as the API writes it: maybe empty, in older engines maybe with a length behind it."""
    try:
        return parse_address((text or "").partition("/")[0])
    except AddressError:
        return None


def containers(listed: Iterable[Mapping[str, Any]]) -> tuple[Container, ...]:
    """The containers of GET /containers/json, sorted by name. Names are unique and none is the host's."""
    found = sorted((_container(each) for each in listed), key=lambda each: (each.name, each.id))
    taken = {HOST}
    named = []
    for each in found:
        one = replace(each, name=_with_id(each.name, each.id)) if each.name in taken else each
        taken.add(one.name)
        named.append(one)
    return tuple(sorted(named, key=lambda each: each.name))


def _with_id(name: str, identity: str) -> str:
    return f"{name}-{identity[:6]}"


def _container(each: Mapping[str, Any]) -> Container:
    identity = clean(each.get("Id") or "")
    # A linked container also has names such as /other/alias.
    names = [clean(name).strip("/") for name in each.get("Names") or ()]
    name = next((name for name in names if name and "/" not in name), "") or identity[:12]
    attached = (each.get("NetworkSettings") or {}).get("Networks") or {}
    mode = clean((each.get("HostConfig") or {}).get("NetworkMode") or "")
    own = not mode.startswith("container:") and mode not in (HOST, "none")
    return Container(
        id=identity,
        name=" ".join(name.split()),
        state=clean(each.get("State") or "").lower(),
        image=clean(each.get("Image") or ""),
        mode=mode,
        endpoints=tuple(_endpoint(clean(key), attached[key] or {}) for key in sorted(attached)) if own else (),
        health="(health" in (each.get("Status") or "") or "healthy)" in (each.get("Status") or ""),
    )


def _endpoint(network: str, each: Mapping[str, Any]) -> Endpoint:
    pairs = (("IPAddress", "IPPrefixLen"), ("GlobalIPv6Address", "GlobalIPv6PrefixLen"))
    addresses = []
    for key, length in pairs:
        address = _address(each.get(key))
        if address is not None:
            addresses.append(InterfaceAddress(address, int(each.get(length) or 0)))
    gateways = (_address(each.get(key)) for key in ("Gateway", "IPv6Gateway"))
    return Endpoint(
        network=network,
        mac=clean(each.get("MacAddress") or ""),
        addresses=tuple(addresses),
        gateways=tuple(gateway for gateway in gateways if gateway is not None),
    )


def with_gateways(
    known: tuple[Network, ...], members: Iterable[Container], host: Iterable[Interface]
) -> tuple[Network, ...]:
    """The networks with the gateways that their members were given or the host's bridges have.

    The listing itself names a gateway only where somebody chose it.
    """
    given = {(end.network, gateway) for each in members for end in each.endpoints for gateway in end.gateways}
    given |= {(each.network, own.address) for each in host if each.network for own in each.addresses}
    return tuple(
        replace(network, subnets=tuple(_with_gateway(subnet, network.name, given) for subnet in network.subnets))
        for network in known
    )


def _with_gateway(subnet: Subnet, network: str, given: set[tuple[str, Address]]) -> Subnet:
    if subnet.gateway is not None:
        return subnet
    inside = sorted(gateway for name, gateway in given if name == network and _inside(gateway, subnet.prefix))
    return replace(subnet, gateway=inside[0]) if inside else subnet


def _inside(address: Address, prefix: Prefix) -> bool:
    return address.version == prefix.version and prefix.differs_at(address) is None


def node(container: Container, everyone: Sequence[Container]) -> Node:
    """A container as a node that nothing has been read of but the listing."""
    return Node(
        name=container.name,
        id=container.id,
        state=container.state,
        image=container.image,
        network_mode=container.mode,
        shares=_sharing(container, everyone),
        interfaces=tuple(_listed_interface(end) for end in container.endpoints),
    )


def _sharing(container: Container, everyone: Sequence[Container]) -> str | None:
    wanted = container.shares
    if wanted in (None, HOST):
        return wanted
    # The engine puts the full id there; a short one or a name is Podman's.
    matches = (each.name for each in everyone if wanted and (each.id.startswith(wanted) or each.name == wanted))
    return next(matches, wanted)


def _listed_interface(end: Endpoint) -> Interface:
    """An interface of which only the network is known: its device has no name yet."""
    there = bool(end.addresses)
    return Interface(
        name="", mac=end.mac, addresses=end.addresses, network=end.network, kind="", up=there, carrier=there
    )


OUTWARD = "docker_gwbridge"
"""The bridge by which the members of overlay networks get out; the engine lists none of them (libnetwork's name)."""


def plugged(interfaces: Iterable[Interface], container: Container, known: Iterable[Network]) -> tuple[Interface, ...]:
    """The interfaces as they were read, each with the network that it is plugged into; then those not found there."""
    left = list(container.endpoints)
    outward = [subnet.prefix for network in known if network.name == OUTWARD for subnet in network.subnets]
    found = []
    for interface in interfaces:
        end = next((end for end in left if _same(interface, end)), None)
        if end is not None:
            left.remove(end)
            interface = replace(interface, network=end.network)  # noqa: PLW2901
        elif any(_inside(own.address, prefix) for own in interface.addresses for prefix in outward):
            interface = replace(interface, network=OUTWARD)  # noqa: PLW2901
        found.append(interface)
    return (*found, *(_listed_interface(end) for end in left))


def _same(interface: Interface, end: Endpoint) -> bool:
    if end.mac and interface.mac:
        return interface.mac.lower() == end.mac.lower()
    own = {each.address for each in interface.addresses}
    return any(each.address in own for each in end.addresses)


def host_interfaces(known: Iterable[Network]) -> tuple[Interface, ...]:
    """The host's bridges as far as the networks tell: each with the gateway addresses that the engine owns."""
    return tuple(
        Interface(name=network.bridge, addresses=_gateway_addresses(network), network=network.name, kind="bridge")
        for network in known
        if network.bridge
    )


def _gateway_addresses(network: Network) -> tuple[InterfaceAddress, ...]:
    return tuple(
        InterfaceAddress(subnet.gateway, subnet.prefix.length)
        for subnet in network.subnets
        if subnet.gateway is not None
    )


def bridged(interfaces: Iterable[Interface], known: Iterable[Network]) -> tuple[Interface, ...]:
    """The host's interfaces as they were read, each bridge with the network that it carries."""
    carried = {network.bridge: network.name for network in known if network.bridge}
    return tuple(replace(each, network=carried.get(each.name)) for each in interfaces)
