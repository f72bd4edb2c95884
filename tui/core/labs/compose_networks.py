"""The networks of a Compose file: read, then given the subnets and gateways that Docker would give them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tui.core.addresses import Address, Prefix, parse_address, parse_prefix
from tui.core.labs import compose_keys as keys
from tui.core.labs.entries import Entry
from tui.core.labs.ipam import DOCKER0, Addresses, next_pool, overlaps, pools, ula_pools
from tui.core.world import Network, Subnet

DEVICE_LIMIT = 15
"""The longest name that a device can have (IFNAMSIZ in linux/if.h, less the final zero)."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
"""What Docker takes as the name of a container or network (names.RestrictedNameChars)."""

BRIDGE_NAME = "com.docker.network.bridge.name"
_DRIVERS = ("bridge", "macvlan", "ipvlan")


@dataclass(frozen=True, slots=True)
class SubnetDraft:
    """One `ipam.config` element: `only` is its ip_range, `reserved` its aux_addresses."""

    prefix: Prefix
    gateway: Address | None
    only: Prefix | None
    reserved: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class NetworkDraft:
    """A network as the file has it, before subnets are assigned. `key` is its name inside the file."""

    key: str
    name: str
    entry: Entry
    driver: str = "bridge"
    subnets: tuple[SubnetDraft, ...] = ()
    internal: bool = False
    external: bool = False
    families: tuple[int, ...] = (4,)
    options: tuple[tuple[str, str], ...] = ()

    def option(self, name: str) -> str:
        """The value of a driver option, or an empty text."""
        return dict(self.options).get(name, "")


def default_network(project: str, root: Entry) -> NetworkDraft:
    """The network that Compose makes for services that name none."""
    return NetworkDraft("default", f"{project}_default", root)


def docker0(root: Entry) -> NetworkDraft:
    """Docker's own network `bridge`, for services with network_mode bridge; it is always there."""
    subnet = SubnetDraft(DOCKER0, None, None, ())
    return NetworkDraft("bridge", "bridge", root, subnets=(subnet,), external=True, options=((BRIDGE_NAME, "docker0"),))


def read_networks(root: Entry, project: str, notes: list[str]) -> Iterator[NetworkDraft]:
    """Every network of the file in its order. Raises LabError."""
    for key, entry in root["networks"].fields():
        entry.only(keys.NETWORK)
        external = entry["external"]
        outside = isinstance(external.value, dict) or external.flag()
        fallback = f"{project}_default" if key == "default" and not outside else key
        name = entry["name"].text() or (external["name"].text() if outside else "") or fallback
        if not NAME.fullmatch(name):
            raise entry.fail(f"{name!r} is no name for a network: use letters, digits, '_', '.' and '-'.")
        driver = entry["driver"].text() or "bridge"
        if driver not in _DRIVERS or name in ("host", "none"):
            raise entry["driver"].fail(
                f"the driver {driver!r} is not supported: use bridge (or macvlan or ipvlan), "
                "and network_mode for the host's network or none."
            )
        families = tuple(
            family for family, on in ((4, entry["enable_ipv4"].flag(True)), (6, entry["enable_ipv6"].flag())) if on
        )
        if not families:
            raise entry.fail("a network needs enable_ipv4 or enable_ipv6.")
        options = tuple(sorted((each, value.text()) for each, value in entry["driver_opts"].fields()))
        draft = NetworkDraft(key, name, entry, driver, (), entry["internal"].flag(), outside, families, options)
        _check_options(draft)
        subnets = tuple(_subnets(draft, entry["ipam"], notes))
        yield NetworkDraft(key, name, entry, driver, subnets, draft.internal, outside, families, options)


def _check_options(draft: NetworkDraft) -> None:
    bridge = draft.option(BRIDGE_NAME)
    if len(bridge) > DEVICE_LIMIT or "/" in bridge:
        raise draft.entry["driver_opts"].fail(f"{bridge!r} is no device name: at most {DEVICE_LIMIT} characters.")
    if draft.driver == "ipvlan" and draft.option("ipvlan_mode") not in ("", "l2"):
        raise draft.entry["driver_opts"].fail("of ipvlan only the mode l2 is supported.")


def _subnets(draft: NetworkDraft, ipam: Entry, notes: list[str]) -> Iterator[SubnetDraft]:
    ipam.only(("driver", "config", "options"))
    if ipam["driver"].text() not in ("", "default"):
        raise ipam["driver"].fail("only Docker's default address management is supported.")
    seen: set[int] = set()
    for item in ipam["config"].items():
        item.only(("subnet", "gateway", "ip_range", "aux_addresses"))
        if not item["subnet"]:
            if item["gateway"] or item["ip_range"]:
                raise item.fail("a gateway or ip_range needs its subnet.")
            continue
        prefix = item["subnet"].read(parse_prefix)
        if prefix.has_host_bits:
            raise item["subnet"].fail(f"{prefix} has host bits set: write {prefix.network}.")
        if prefix.version not in draft.families:
            notes.append(item.note(f"{prefix} is not used, as network {draft.key} has no enable_ipv{prefix.version}."))
            continue
        if prefix.version in seen and draft.driver == "bridge":
            raise item["subnet"].fail(f"a bridge network takes one IPv{prefix.version} subnet only.")
        seen.add(prefix.version)
        yield _subnet(item, prefix)


def _subnet(item: Entry, prefix: Prefix) -> SubnetDraft:
    gateway = item["gateway"].read(_address) if item["gateway"] else None
    reserved = [entry.read(_address) for _, entry in item["aux_addresses"].fields()]
    for address in [*([gateway] if gateway else []), *reserved]:
        if not prefix.covers(address):
            raise item.fail(f"{address} does not lie in the subnet {prefix}.")
    only = item["ip_range"].read(parse_prefix).network if item["ip_range"] else None
    if only and not (prefix.covers(only.first) and only.length >= prefix.length):
        raise item["ip_range"].fail(f"the range {only} does not lie in the subnet {prefix}.")
    return SubnetDraft(prefix, gateway, only, tuple(reserved))


def _address(text: str) -> Address:
    """An address, or one with a length that Docker ignores (gateway: 172.19.0.1/16)."""
    return parse_address(text.partition("/")[0])


@dataclass(slots=True)
class AssignedNetwork:
    """A network with its subnets decided, and the addresses that are left in each."""

    draft: NetworkDraft
    network: Network
    free: tuple[Addresses, ...]


def assign(drafts: Iterable[NetworkDraft], project: str, notes: list[str]) -> dict[str, AssignedNetwork]:
    """Subnets and gateways for every network, by key.

    Subnets that the file gives come first. Then each network that has none takes the next of Docker's pools that
    overlaps no other, in the order of names: Compose makes them side by side, so Docker's own order is chance.
    """
    drafts = sorted(drafts, key=lambda each: each.name)
    taken: list[tuple[Prefix, NetworkDraft]] = []
    owners: dict[str, str] = {}
    for draft in drafts:
        if draft.name in owners:
            raise draft.entry.fail(f"the name {draft.name!r} is taken by network {owners[draft.name]}.")
        owners[draft.name] = draft.key
        for each in draft.subnets:
            for prefix, other in taken:
                if overlaps(prefix, each.prefix):
                    raise draft.entry.fail(f"{each.prefix} overlaps {prefix} of network {other.key}.")
            taken.append((each.prefix, draft))
    used, result, bridges = [prefix for prefix, _ in taken], dict[str, AssignedNetwork](), set[str]()
    for draft in drafts:
        subnets = list(draft.subnets)
        for family in draft.families:
            if not any(each.prefix.version == family for each in subnets):
                pool = next_pool(pools() if family == 4 else ula_pools(project), used)
                if pool is None:
                    raise draft.entry.fail("Docker has no subnet left for it: give one in ipam.config.")
                used.append(pool)
                subnets.append(SubnetDraft(pool, None, None, ()))
        if draft.external and draft.key != "bridge" and not draft.subnets:
            notes.append(
                draft.entry.note(
                    f"network {draft.key} is made outside of this file, so its real subnet is not "
                    f"known; {subnets[0].prefix} stands in for it."
                )
            )
        result[draft.key] = _assigned(draft, subnets, bridges)
    return result


def _assigned(draft: NetworkDraft, subnets: list[SubnetDraft], bridges: set[str]) -> AssignedNetwork:
    free, decided = [], []
    for each in sorted(subnets, key=lambda each: each.prefix.version):
        pool = Addresses(each.prefix, each.only)
        mode = draft.option(f"com.docker.network.bridge.gateway_mode_ipv{each.prefix.version}")
        gateway = each.gateway
        if gateway is not None:
            pool.reserve(gateway)
        elif mode != "isolated":
            gateway = pool.take()
        for address in each.reserved:
            pool.reserve(address)
        free.append(pool)
        decided.append(Subnet(each.prefix, gateway))
    bridge = (draft.option(BRIDGE_NAME) or bridge_name(draft.name)) if draft.driver == "bridge" else None
    if bridge in bridges:
        raise draft.entry.fail(f"the device {bridge} is the bridge of another network.")
    bridges |= {bridge} if bridge else set()
    network = Network(draft.name, "", draft.driver, "local", tuple(decided), draft.internal, bridge, draft.options)
    return AssignedNetwork(draft, network, tuple(free))


def bridge_name(network: str) -> str:
    """The bridge's device on the host: br- and the network's name, cut, with a hash, where that is too long."""
    name = f"br-{network}"
    if len(name) <= DEVICE_LIMIT:
        return name
    return f"{name[: DEVICE_LIMIT - 5]}-{hashlib.sha256(network.encode()).hexdigest()[:4]}"
