"""The routing switches of a network namespace: what the kernel starts from, and what writing one of them changes."""

from __future__ import annotations

from collections.abc import Iterable

DEVICE_DEFAULTS = {
    4: {
        "accept_local": 0,
        "accept_redirects": 1,
        "arp_ignore": 0,
        "forwarding": 0,
        "ignore_routes_with_linkdown": 0,
        "proxy_arp": 0,
        "route_localnet": 0,
        "rp_filter": 0,
        "secure_redirects": 1,
        "send_redirects": 1,
        "shared_media": 1,
        "src_valid_mark": 0,
    },
    6: {
        "accept_ra": 1,
        "accept_redirects": 1,
        "disable_ipv6": 0,
        "forwarding": 0,
        "ignore_routes_with_linkdown": 0,
    },
}
"""The switches of each device, with the values that the kernel itself gives them (ipv4_devconf_dflt in
net/ipv4/devinet.c, ipv6_devconf_dflt in net/ipv6/addrconf.c)."""

ALL_NAMES = {4: tuple(DEVICE_DEFAULTS[4]), 6: ("accept_redirects", "disable_ipv6", "forwarding")}
"""Those that `conf.all` has besides."""

_SPREAD6 = ("forwarding", "disable_ipv6", "ignore_routes_with_linkdown")

GLOBAL_DEFAULTS = {
    "net.ipv4.fib_multipath_hash_policy": 0,
    "net.ipv4.fib_multipath_use_neigh": 0,
    "net.ipv4.icmp_errors_use_inbound_ifaddr": 0,
    "net.ipv4.ip_forward": 0,
    "net.ipv6.fib_multipath_hash_policy": 0,
}

BRIDGES = ("net.bridge.bridge-nf-call-ip6tables", "net.bridge.bridge-nf-call-iptables")
"""Whether packet filters see what a bridge passes on: there only with br_netfilter, so never taken to have a value."""


class Switches:
    """The switches of one namespace while it is being built: write them, add devices, then read them all.

    `conf.default` is kept here, for the devices to come; it decides nothing for those that are there.
    """

    def __init__(self, values: Iterable[tuple[str, int]] = ()) -> None:
        self.values = dict(values) or dict(GLOBAL_DEFAULTS)
        if "net.ipv4.ip_forward" in self.values:  # the same switch by its other name, should only one have been read
            self.values.setdefault("net.ipv4.conf.all.forwarding", self.values["net.ipv4.ip_forward"])
        for family, names in ALL_NAMES.items():
            for name in names:
                self.values.setdefault(f"net.ipv{family}.conf.all.{name}", DEVICE_DEFAULTS[family][name])
        self._devices = {key.split(".")[3] for key in self.values if ".conf." in key} - {"all", "default"}

    def add_device(self, dev: str) -> None:
        """A new device: it starts from conf.default."""
        dev = dev.replace(".", "/")
        self._devices.add(dev)
        for family, defaults in DEVICE_DEFAULTS.items():
            for name, value in defaults.items():
                start = self.values.get(f"net.ipv{family}.conf.default.{name}", value)
                self.values.setdefault(f"net.ipv{family}.conf.{dev}.{name}", start)

    def write(self, name: str, value: int) -> bool:
        """Set one as `sysctl -w` does, with what the kernel changes along; False where the device is not there.

        A switch that has no part in routing is taken and, where it was not read before, not kept.

        ip_forward and conf.all.forwarding are one switch that, when its value changes, sets every device and
        conf.default and takes back conf.all.accept_redirects (inet_forward_change in net/ipv4/devinet.c). IPv6's
        conf.all.forwarding, disable_ipv6 and ignore_routes_with_linkdown set them all whenever they are written
        (addrconf_fixup_forwarding, addrconf_disable_ipv6, addrconf_fixup_linkdown).
        """
        parts = name.split(".")
        if name == "net.ipv4.ip_forward":
            parts = ["net", "ipv4", "conf", "all", "forwarding"]
        if len(parts) != 5 or parts[2] != "conf" or parts[1] not in ("ipv4", "ipv6"):
            kept = name in GLOBAL_DEFAULTS or name in BRIDGES or name in self.values
            self.values |= {name: value} if kept else {}
            return True
        family, scope, switch = int(parts[1][-1]), parts[3], parts[4]
        if scope not in ("all", "default") and scope not in self._devices:
            return False
        kept = switch in (ALL_NAMES if scope == "all" else DEVICE_DEFAULTS)[family]
        old = self.values.get(".".join(parts))
        if kept:
            self.values[".".join(parts)] = value
        spreads = switch == "forwarding" and old != value if family == 4 else switch in _SPREAD6
        if scope == "all" and spreads:
            for each in ("default", *self._devices):
                self.values[f"net.ipv{family}.conf.{each}.{switch}"] = value
            if family == 4:
                self.values["net.ipv4.ip_forward"] = value
                self.values["net.ipv4.conf.all.accept_redirects"] = int(not value)
        return True

    def read(self) -> tuple[tuple[str, int], ...]:
        """All of them but conf.default's, sorted by name, as a Node holds them."""
        return tuple(sorted(pair for pair in self.values.items() if ".conf.default." not in pair[0]))
