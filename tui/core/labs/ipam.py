"""The subnets and addresses that Docker's own address management (libnetwork's default IPAM) would hand out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from tui.core.addresses import Address, Prefix, parse_prefix

DOCKER0 = parse_prefix("172.17.0.0/16")
"""The subnet of Docker's default network, `bridge` (device docker0), on an engine that nobody configured."""


def overlaps(one: Prefix, other: Prefix) -> bool:
    """Whether the two prefixes share an address."""
    return one.version == other.version and (other.covers(one.first) or one.covers(other.first))


def pools() -> Iterator[Prefix]:
    """Docker's built-in IPv4 pools in order, without docker0's (libnetwork/ipamutils: localScopeDefaultNetworks)."""
    for second in range(18, 32):
        yield parse_prefix(f"172.{second}.0.0/16")
    for third in range(0, 256, 16):
        yield parse_prefix(f"192.168.{third}.0/20")


def ula_pools(seed: str) -> Iterator[Prefix]:
    """Unique local /64 prefixes (RFC 4193), their global id hashed from `seed`; Docker hashes its engine's own id."""
    base = 0xFD << 120 | int.from_bytes(hashlib.sha256(seed.encode()).digest()[:5], "big") << 80
    for subnet in range(1 << 16):
        yield Prefix(6, base | subnet << 64, 64)


def next_pool(candidates: Iterator[Prefix], taken: Iterable[Prefix]) -> Prefix | None:
    """The first candidate that overlaps nothing that is taken, or None when there is none left."""
    used = [*taken, DOCKER0]
    return next((each for each in candidates if not any(overlaps(each, other) for other in used)), None)


class Addresses:
    """The free addresses of one subnet, handed out from the lowest up.

    Docker goes on from the last address it gave, so on a network where nothing was ever released that is the lowest
    free one (libnetwork's bitmap, serial allocation). An IPv4 subnet's own and broadcast address are never given;
    `only` (ip_range) narrows what is given, not what may be asked for.
    """

    def __init__(self, subnet: Prefix, only: Prefix | None = None) -> None:
        self.subnet = subnet.network
        pool = (only or subnet).network
        self._next, self._last = pool.first.value, pool.last.value
        self._taken = {subnet.first.value}
        if subnet.version == 4 and subnet.length < 31:
            self._taken.add(subnet.last.value)

    def reserve(self, address: Address) -> bool:
        """Take this very address; False where it is not to be had."""
        if not self.subnet.covers(address) or address.value in self._taken:
            return False
        self._taken.add(address.value)
        return True

    def take(self) -> Address | None:
        """The next free address, or None when the range is used up."""
        while self._next <= self._last:
            value, self._next = self._next, self._next + 1
            if value not in self._taken:
                self._taken.add(value)
                return Address(self.subnet.version, value)
        return None


def mac_for(addresses: Iterable[Address], seed: str) -> str:
    """The MAC address of an endpoint: 02:42 and its IPv4 address, as engines before 28 made it (GenerateMACFromIP).

    Later engines draw it at random, as all do for an endpoint without IPv4: that one's bytes are hashed from `seed`.
    """
    tail = next((each.value.to_bytes(4, "big") for each in addresses if each.version == 4), None)
    tail = tail if tail is not None else hashlib.sha256(seed.encode()).digest()[:4]
    return ":".join(f"{byte:02x}" for byte in b"\x02\x42" + tail)
