"""Addresses and prefixes as small tuples of integers: cheap to make by the thousand, to compare and to hash.

netaddr does the reading and writing of the text forms; these tuples are what the rest of the core holds,
because a table of a million routes cannot afford an object with properties for each address.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from netaddr import INET_PTON, AddrFormatError
from netaddr.strategy import ipv4, ipv6

WIDTH = {4: 32, 6: 128}


class AddressError(ValueError):
    """Text that is no address or prefix; str() is one sentence fit for a user."""


class Address(NamedTuple):
    """An IPv4 or IPv6 address: `version` 4 or 6, `value` the 32- or 128-bit integer."""

    version: int
    value: int

    def __str__(self) -> str:
        return _text(self.version, self.value)

    @property
    def is_multicast(self) -> bool:
        """In 224.0.0.0/4 or ff00::/8 (RFC 5771, RFC 4291 section 2.7)."""
        return self.value >> 28 == 0xE if self.version == 4 else self.value >> 120 == 0xFF

    @property
    def is_link_local(self) -> bool:
        """In 169.254.0.0/16 or fe80::/10 (RFC 3927, RFC 4291 section 2.5.6)."""
        return self.value >> 16 == 0xA9FE if self.version == 4 else self.value >> 118 == 0x3FA

    @property
    def is_loopback(self) -> bool:
        """In 127.0.0.0/8, or ::1."""
        return self.value >> 24 == 127 if self.version == 4 else self.value == 1

    @property
    def is_unspecified(self) -> bool:
        """0.0.0.0 or ::."""
        return self.value == 0


class Prefix(NamedTuple):
    """A prefix: `value` is the integer of its address (host bits as written), `length` 0..32 or 0..128."""

    version: int
    value: int
    length: int

    def __str__(self) -> str:
        """Always with its length: 172.19.0.0/16, 10.0.0.5/32, ::/0."""
        return f"{_text(self.version, self.value)}/{self.length}"

    @property
    def brief(self) -> str:
        """As `ip route` prints a destination: `default`, a bare address for a host route, else with length."""
        if self.length == 0 and self.value == 0:
            return "default"
        if self.length == WIDTH[self.version]:
            return _text(self.version, self.value)
        return str(self)

    @property
    def address(self) -> Address:
        """The address as written, host bits included."""
        return Address(self.version, self.value)

    @property
    def netmask(self) -> Address:
        """The mask of this length as an address."""
        width = WIDTH[self.version]
        return Address(self.version, ((1 << self.length) - 1) << (width - self.length))

    @property
    def network(self) -> Prefix:
        """The same prefix with its host bits cleared."""
        return Prefix(self.version, self.value & self.netmask.value, self.length)

    @property
    def has_host_bits(self) -> bool:
        """True where bits beyond the length are set, as in 10.0.0.1/8."""
        return self.network.value != self.value

    @property
    def first(self) -> Address:
        """The lowest address of the prefix."""
        return self.network.address

    @property
    def last(self) -> Address:
        """The highest address of the prefix: the broadcast address of an IPv4 subnet."""
        hosts = (1 << (WIDTH[self.version] - self.length)) - 1
        return Address(self.version, self.value | hosts)

    def __contains__(self, address: object) -> bool:
        """Whether `address` lies inside, so that `in` does not compare with the tuple's own fields."""
        return isinstance(address, Address) and self.covers(address)

    def covers(self, address: Address) -> bool:
        """Whether an address of the same version lies inside; /0 covers every one."""
        if address.version != self.version:
            return False
        shift = WIDTH[self.version] - self.length
        return address.value >> shift == self.value >> shift

    def differs_at(self, address: Address) -> int | None:
        """The first bit, counted from 1, in which `address` differs from the prefix; None where it matches."""
        shift = WIDTH[self.version] - self.length
        difference = (address.value ^ self.value) >> shift
        return self.length - difference.bit_length() + 1 if difference else None


@lru_cache(maxsize=65536)
def _text(version: int, value: int) -> str:
    return str(ipv4.int_to_str(value) if version == 4 else ipv6.int_to_str(value))


@lru_cache(maxsize=65536)
def parse_address(text: str) -> Address:
    """Read one address in strict form (four decimal octets, or RFC 4291); raises AddressError."""
    version, strategy = (6, ipv6) if ":" in text else (4, ipv4)
    try:
        return Address(version, strategy.str_to_int(text, flags=INET_PTON))
    except (AddrFormatError, ValueError, UnicodeError):
        raise AddressError(
            f"{text!r} is no address: write four numbers such as 172.20.0.2, or an IPv6 address such as fd00::2."
        ) from None


def parse_prefix(text: str, version: int = 4) -> Prefix:
    """Read `ADDRESS/LENGTH`, a bare ADDRESS (a host route) or `default`; host bits are kept.

    `default` (and `all`, `any`) is ::/0 when `version` is 6. A netmask may stand for an IPv4 length
    (172.19.0.0/255.255.0.0). Raises AddressError.
    """
    if text in ("default", "all", "any"):
        return Prefix(version, 0, 0)
    host, slash, bits = text.partition("/")
    address = parse_address(host)
    width = WIDTH[address.version]
    if not slash:
        return Prefix(address.version, address.value, width)
    length = mask_length(bits) if "." in bits and address.version == 4 else _decimal(bits)
    if length is None or length > width:
        raise AddressError(f"{text!r} is no prefix: the length after / is 0 to {width}.")
    return Prefix(address.version, address.value, length)


def mask_length(mask: str) -> int | None:
    """The length that a dotted IPv4 netmask stands for, or None where its ones are not contiguous."""
    try:
        value = parse_address(mask).value
    except AddressError:
        return None
    inverse = value ^ 0xFFFFFFFF
    return 32 - inverse.bit_length() if inverse & (inverse + 1) == 0 else None


def _decimal(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else None
