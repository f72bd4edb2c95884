"""A World written back as a Compose document that would rebuild it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from tui.core.commands import CommandError, meaning
from tui.core.commands.adding import apply
from tui.core.commands.refused import RouteRefused
from tui.core.commands.route_command import ip, ip_route
from tui.core.labs import LAB_SYSCTLS, LabError
from tui.core.labs.compose import HOST, read_lab
from tui.core.labs.compose_networks import BRIDGE_NAME, bridge_name
from tui.core.labs.ipam import mac_for
from tui.core.labs.layout import world as build
from tui.core.sysctls import ALL_NAMES, DEVICE_DEFAULTS, GLOBAL_DEFAULTS
from tui.core.world import Interface, Network, Node, Route, Rule, World

_ENDPOINT_SYSCTLS = "com.docker.network.endpoint.sysctls"
Document = dict[str, Any]


def document(world: World) -> Document:
    """The World as plain values for a YAML writer: dicts, lists, texts, numbers and truth values.

    Addresses, interfaces and switches become the keys that Compose has for them; what remains of a node's tables and
    rules beyond what Docker and the kernel make by themselves becomes post_start hooks. Reading it gives an equal
    World, where the World came from a lab. The host's own tables are written only where a service shares its network.
    Raises LabError for a node that no Compose file could rebuild.
    """
    skeleton: Document = {
        "name": world.engine.removeprefix("lab ") if world.engine.startswith("lab ") else "lab",
        "networks": {each.name: _network(each) for each in world.networks if each.bridge != "docker0"},
        "services": {node.name: _service(node, world) for node in world.nodes if node.name != HOST},
    }
    base = build(read_lab(skeleton))
    for owner, writer in _writers(world):
        node, before = world.node(owner), base.node(owner)
        if node is not None and before is not None:
            try:
                hooks = list(_hooks(node, before))
            except (RouteRefused, CommandError) as error:
                raise LabError(f"{node.name} cannot be written as hooks: {error}") from None
            if hooks:
                skeleton["services"][writer]["post_start"] = [{"command": each, "user": "root"} for each in hooks]
    return skeleton


def _writers(world: World) -> Iterator[tuple[str, str]]:
    """Each node that has a network of its own, with the service whose hooks can change it."""
    for node in world.nodes:
        if node.name != HOST and node.shares is None:
            yield node.name, node.name
    sharing = next((each.name for each in world.nodes if each.shares == HOST), None)
    if sharing is not None:
        yield HOST, sharing


def _network(network: Network) -> Document:
    written: Document = {"name": network.name}
    if network.driver != "bridge":
        written["driver"] = network.driver
    options = dict(network.options)
    if network.bridge and network.bridge != bridge_name(network.name):
        options[BRIDGE_NAME] = network.bridge
    if options:
        written["driver_opts"] = options
    if network.internal:
        written["internal"] = True
    families = {each.prefix.version for each in network.subnets}
    if 6 in families:
        written["enable_ipv6"] = True
    if families and 4 not in families:
        written["enable_ipv4"] = False
    config = []
    for each in network.subnets:
        config.append({"subnet": str(each.prefix)} | ({"gateway": str(each.gateway)} if each.gateway else {}))
    if config:
        written["ipam"] = {"config": config}
    return written


def _service(node: Node, world: World) -> Document:
    written: Document = {"container_name": node.name}
    if node.image:
        written["image"] = node.image
    written |= {"command": ["sleep", "infinity"], "cap_add": ["NET_ADMIN"]}
    if node.shares is not None:
        known = node.shares != HOST and world.node(node.shares) is not None
        written["network_mode"] = (
            HOST if node.shares == HOST else f"{'service' if known else 'container'}:{node.shares}"
        )
        return written
    sysctls = dict(_settings(node))
    if sysctls:
        written["sysctls"] = sysctls
    links = [each for each in node.interfaces if each.network is not None]
    if node.network_mode in ("bridge", "default") and links:
        written["network_mode"] = node.network_mode
    elif links:
        written["networks"] = {each.network: _link(node, each, links) for each in links}
    else:
        written["network_mode"] = "none"
    return written


def _link(node: Node, interface: Interface, links: list[Interface]) -> Document:
    written: Document = {}
    place = links.index(interface)
    own = [each.address for each in interface.addresses if not each.address.is_link_local]
    for address in own:
        written[f"ipv{address.version}_address"] = str(address)
    if interface.mac and interface.mac != mac_for(own, f"{node.name} {interface.network}"):
        written["mac_address"] = interface.mac
    if len(links) > 1:
        written["priority"] = len(links) - place
    if interface.name != f"eth{place}":
        written["interface_name"] = interface.name
    defaults = {each.family for each in node.routes if each.is_default and each.dev == interface.name}
    if defaults and len(links) > 1:
        written["gw_priority"] = 2 if 4 in defaults else 1
    sysctls = list(_device_settings(node, interface.name))
    if sysctls:
        written["driver_opts"] = {_ENDPOINT_SYSCTLS: ",".join(sysctls)}
    return written


def _settings(node: Node) -> Iterator[tuple[str, int]]:
    """The switches of the whole node that differ from what a lab starts from, the general before the particular."""
    plain = GLOBAL_DEFAULTS | LAB_SYSCTLS
    for family, names in ALL_NAMES.items():
        plain |= {f"net.ipv{family}.conf.all.{name}": DEVICE_DEFAULTS[family][name] for name in names}
    forwarding = node.sysctl("net.ipv4.ip_forward") or 0
    if forwarding:
        yield "net.ipv4.ip_forward", forwarding
        plain |= {"net.ipv4.ip_forward": 1, "net.ipv4.conf.all.forwarding": 1, "net.ipv4.conf.all.accept_redirects": 0}
    for name, value in node.sysctls:
        if name in plain and value != plain[name]:
            yield name, value


def _device_settings(node: Node, dev: str) -> Iterator[str]:
    """A device's switches that differ from what conf.all and the kernel give it."""
    name_of_dev = dev.replace(".", "/")
    six = any(each.address.version == 6 for each in (node.interface(dev) or Interface(dev)).addresses)
    for family, defaults in DEVICE_DEFAULTS.items():
        for name, default in defaults.items():
            value = node.sysctl(f"net.ipv{family}.conf.{name_of_dev}.{name}")
            plain = default
            if name == "forwarding":
                plain = node.sysctl(f"net.ipv{family}.conf.all.forwarding") or 0
            elif name == "disable_ipv6":
                plain = int(not six)
            if value is not None and value != plain:
                yield f"net.ipv{family}.conf.IFNAME.{name}={value}"


def _hooks(node: Node, before: Node) -> Iterator[str]:
    """The commands that make `node` of `before`, in an order in which the kernel takes each one."""
    for step in (_link_hooks, _sysctl_hooks, _rule_hooks, _added_routes, _removed_routes):
        for words in step(node, before):
            yield shlex.join(words)
            done = meaning(words)
            before = apply(before, done) if done is not None else before


def _link_hooks(node: Node, before: Node) -> Iterator[list[str]]:
    for interface in node.interfaces:
        known = before.interface(interface.name)
        if known is not None and known.up and not interface.up:
            yield ["ip", "link", "set", "dev", interface.name, "down"]


def _sysctl_hooks(node: Node, before: Node) -> Iterator[list[str]]:
    """What is left to set once the containers are up: the switches of lo, and what a hook had changed."""
    for name, value in node.sysctls:
        if before.sysctl(name) != value:
            yield ["sysctl", "-w", f"{name}={value}"]


def _rule_hooks(node: Node, before: Node) -> Iterator[list[str]]:
    for rule in node.rules:
        if rule not in before.rules:
            yield [*ip(rule.family), "rule", "add", *_rule_words(rule)]
    for rule in before.rules:
        if rule not in node.rules:
            yield [*ip(rule.family), "rule", "del", *_rule_words(rule)]
    if node.merged is False and before.merged and node.rules == before.rules:
        # Nothing shows it, but a rule was there once, and its adding alone parted local and main.
        yield from (["ip", "rule", verb, "from", "all", "lookup", "main", "priority", "1"] for verb in ("add", "del"))


def _added_routes(node: Node, before: Node) -> Iterator[list[str]]:
    """The on-link routes first, for a gateway must be on-link when its route is added."""
    there = {_same(each) for each in before.routes}
    for route in sorted(node.routes, key=lambda each: each.gateway is not None):
        if route not in before.routes:
            verb = "append" if _same(route) in there else "add"
            there.add(_same(route))
            yield [*ip_route(verb, route)]


def _same(route: Route) -> tuple[object, ...]:
    return (route.table, route.dst, route.tos, route.metric or 0)


def _removed_routes(node: Node, before: Node) -> Iterator[list[str]]:
    for route in before.routes:
        if route not in node.routes:
            yield [*ip_route("del", route)]


def _rule_words(rule: Rule) -> list[str]:
    words = ["not"] if rule.invert else []
    words += ["from", str(rule.src) if rule.src else "all"]
    ports = {"sport": rule.sport, "dport": rule.dport, "uidrange": rule.uidrange}
    plain = {"to": rule.dst, "iif": rule.iif, "oif": rule.oif, "ipproto": rule.ipproto, "tos": rule.tos or None}
    for name, value in plain.items():
        words += [name, str(value)] if value is not None else []
    for name, pair in ports.items():
        words += [name, f"{pair[0]}-{pair[1]}"] if pair is not None else []
    if rule.mark is not None:
        words += ["fwmark", f"{rule.mark:#x}/{rule.mask:#x}"]
    words += ["priority", str(rule.priority)]
    if rule.suppress_prefixlength is not None:
        words += ["suppress_prefixlength", str(rule.suppress_prefixlength)]
    if rule.action == "goto":
        return [*words, "goto", str(rule.target)]
    return [*words, *(["lookup", rule.table] if rule.action == "table" else [rule.action])]
