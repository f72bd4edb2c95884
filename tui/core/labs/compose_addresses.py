"""Services given what Docker gives them when they start: interfaces in order, addresses, MACs, default routes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tui.core.addresses import Address
from tui.core.derived import broadcast
from tui.core.labs import LAB_SYSCTLS, Attachment, Service
from tui.core.labs.compose_networks import AssignedNetwork
from tui.core.labs.compose_services import LinkDraft, ServiceDraft
from tui.core.labs.ipam import mac_for
from tui.core.world import InterfaceAddress, Network, NextHop


def start_order(drafts: Iterable[ServiceDraft]) -> tuple[ServiceDraft, ...]:
    """The services in the order in which they start: after what they depend on, then by name.

    Compose starts those that do not wait for each other side by side, so that Docker's own order among them, and with
    it the addresses that the file leaves open, is chance. Raises LabError for a circle.
    """
    waiting = {each.key: each for each in sorted(drafts, key=lambda each: each.key)}
    ordered: list[ServiceDraft] = []
    while waiting:
        ready = next((each for each in waiting.values() if not waiting.keys() & set(each.after)), None)
        if ready is None:
            first = next(iter(waiting.values()))
            raise first.entry.fail(f"services wait for each other in a circle: {', '.join(waiting)}.")
        ordered.append(waiting.pop(ready.key))
    return tuple(ordered)


def assign(ordered: Sequence[ServiceDraft], networks: dict[str, AssignedNetwork]) -> tuple[Service, ...]:
    """Every container with its addresses.

    Addresses that the file gives are set aside first, whoever starts first: Docker would hand one to an earlier
    container that asks for any, and then refuse the container that owns it. Raises LabError.
    """
    for draft in ordered:
        for link in draft.links:
            for address in link.addresses:
                _reserve(link, address, networks, len(draft.names))
    return tuple(_service(draft, name, networks, ordered) for draft in ordered for name in draft.names)


def _reserve(link: LinkDraft, address: Address, networks: dict[str, AssignedNetwork], count: int) -> None:
    place = link.entry[f"ipv{address.version}_address"]
    assigned = networks[link.key]
    if not any(each.prefix.version == address.version for each in assigned.draft.subnets):
        raise place.fail(f"an address can be given only where the network has a subnet: write one for {link.key}.")
    pool = next((each for each in assigned.free if each.subnet.covers(address)), None)
    if pool is None:
        subnets = ", ".join(str(each.subnet) for each in assigned.free)
        raise place.fail(f"{address} lies outside of network {link.key} ({subnets}).")
    if count > 1:
        raise place.fail(f"{count} containers cannot share the address {address}: take it or scale away.")
    if not pool.reserve(address):
        raise place.fail(f"the address {address} is already in use on network {link.key}.")


def _service(
    draft: ServiceDraft, name: str, networks: dict[str, AssignedNetwork], all_of_them: Sequence[ServiceDraft]
) -> Service:
    devs = _devs(draft.links)
    links = tuple(_attach(link, dev, name, networks[link.key]) for link, dev in zip(draft.links, devs, strict=True))
    by_name = {each.network.name: each.network for each in networks.values()}
    return Service(
        name=name,
        key=draft.key,
        image=draft.image,
        command=draft.command,
        entrypoint=draft.entrypoint,
        cap_add=draft.cap_add,
        privileged=draft.privileged,
        network_mode=draft.network_mode,
        shares=_shares(draft, all_of_them),
        sysctls=tuple(sorted({**LAB_SYSCTLS, **dict(draft.sysctls)}.items())),
        attachments=links,
        gateways=tuple(gateways(links, by_name)),
        hooks=draft.hooks,
        line=draft.entry.line,
    )


def _devs(links: Sequence[LinkDraft]) -> list[str]:
    """eth0, eth1, ... for the interfaces that have no interface_name, which does not use up a number."""
    count, devs = 0, []
    for link in links:
        devs.append(link.dev or f"eth{count}")
        count += not link.dev
        if devs.count(devs[-1]) > 1:
            raise link.entry.fail(f"the interface name {devs[-1]} is taken twice.")
    return devs


def _attach(link: LinkDraft, dev: str, name: str, assigned: AssignedNetwork) -> Attachment:
    addresses = []
    for pool in assigned.free:
        address = next((each for each in link.addresses if pool.subnet.covers(each)), None) or pool.take()
        if address is None:
            raise link.entry.fail(f"network {link.key} has no free address left in {pool.subnet}.")
        addresses.append(InterfaceAddress(address, pool.subnet.length, broadcast=broadcast(pool.subnet)))
    mac = link.mac or mac_for((each.address for each in addresses), f"{name} {assigned.network.name}")
    sysctls = tuple((key.replace("IFNAME", dev.replace(".", "/")), value) for key, value in link.sysctls)
    return Attachment(assigned.network.name, dev, mac, tuple(addresses), link.gateway_priority, link.addresses, sysctls)


def gateways(links: Sequence[Attachment], networks: dict[str, Network]) -> Iterator[NextHop]:
    """The default routes that Docker sets: the best network of each family that has a gateway.

    Best is the highest gw_priority, then a network with both families, then the first by name (endpoint order in
    moby's daemon/libnetwork/sandbox.go, `Less`). An internal network gives none (since Docker 25).
    """

    def gateway(link: Attachment, family: int) -> Address | None:
        network = networks[link.network]
        own = next((each.prefix for each in link.addresses if each.address.version == family), None)
        subnet = next((each for each in network.subnets if own is not None and each.prefix.network == own), None)
        return subnet.gateway if subnet is not None and not network.internal else None

    def place(link: Attachment) -> tuple[int, int, str]:
        families = sum(gateway(link, family) is not None for family in (4, 6))
        return (-link.gateway_priority, -families, link.network)

    for family in (4, 6):
        for link in sorted(links, key=place):
            found = gateway(link, family)
            if found is not None:
                yield NextHop(link.dev, found)
                break


def _shares(draft: ServiceDraft, everyone: Sequence[ServiceDraft]) -> str | None:
    """The node whose network the service uses. Raises LabError where the file has no such service."""
    kind, _, target = draft.network_mode.partition(":")
    if kind == "host":
        return "host"
    if kind == "container":
        return target
    if kind != "service":
        return None
    owner = next((each for each in everyone if each.key == target and each.names), None)
    if owner is None:
        raise draft.entry["network_mode"].fail(f"there is no service {target!r} that is started.")
    return owner.names[0]
