"""The services of a Compose file as written: what decides routing is read, the rest is noted or refused."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from tui.core.addresses import Address, parse_address
from tui.core.commands import CommandError, meaning, sysctl
from tui.core.labs import Command
from tui.core.labs import compose_keys as keys
from tui.core.labs.compose_networks import DEVICE_LIMIT, NAME
from tui.core.labs.entries import Entry
from tui.core.labs.shell import ShellError, commands, script, split_words

_SERVICE = re.compile(r"[A-Za-z0-9._-]+")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_ENDPOINT_SYSCTLS = "com.docker.network.endpoint.sysctls"
_NOT_FOLLOWED = ("iptables", "ip6tables", "nft", "tc", "iptables-restore", "firewall-cmd", "ufw")


@dataclass(frozen=True, slots=True)
class LinkDraft:
    """A service's place on a network, as written. `key` is the network's; `sysctls` are of the interface."""

    key: str
    entry: Entry
    addresses: tuple[Address, ...] = ()
    mac: str = ""
    priority: int = 0
    gateway_priority: int = 0
    dev: str = ""
    sysctls: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceDraft:
    """A service as written. `names` are its containers', `after` the services that must be up before it."""

    key: str
    entry: Entry
    names: tuple[str, ...]
    image: str
    command: tuple[str, ...]
    entrypoint: tuple[str, ...]
    cap_add: tuple[str, ...]
    privileged: bool
    sysctls: tuple[tuple[str, int], ...]
    network_mode: str
    links: tuple[LinkDraft, ...]
    hooks: tuple[Command, ...]
    after: tuple[str, ...]


def read_services(root: Entry, env: Mapping[str, str], notes: list[str]) -> Iterator[ServiceDraft]:
    """Every service that `up` would start, in the file's order. Raises LabError."""
    ignored: dict[str, list[int]] = {}
    wanted = {each.strip() for each in env.get("COMPOSE_PROFILES", "").split(",")}
    for key, entry in root["services"].fields():
        if not _SERVICE.fullmatch(key):
            raise entry.fail("a service's name is made of letters, digits, '_', '.' and '-'.")
        entry.only(keys.SERVICE)
        for word, value in entry.fields():
            if word in keys.SERVICE_REFUSED:
                raise value.fail(f"{word!r} is not supported: {keys.SERVICE_REFUSED[word]}")
            if word in keys.SERVICE_IGNORED:
                ignored.setdefault(word, []).append(value.line or 0)
        profiles = entry["profiles"].texts()
        if profiles and not wanted & {*profiles, "*"} and "*" not in wanted:
            notes.append(entry.note(f"service {key} is left out: it starts only with COMPOSE_PROFILES={profiles[0]}."))
            continue
        yield _service(key, entry, notes)
    for word, lines in sorted(ignored.items()):
        places = ", ".join(str(line) for line in lines if line)
        notes.append(f"{f'line {places}: ' if places else ''}{word!r} has no part in routing and is ignored.")


def _service(key: str, entry: Entry, notes: list[str]) -> ServiceDraft:
    mode = entry["network_mode"].text()
    if mode and entry["networks"]:
        raise entry["networks"].fail("a service has either network_mode or networks, not both.")
    command, entrypoint = _words(entry["command"]), _words(entry["entrypoint"])
    hooks = [*_own_commands(entry, (*entrypoint, *command), notes), *_hooks(entry["post_start"], notes)]
    links = tuple(sorted(_links(entry), key=lambda each: (-each.priority, each.key)))
    mac = entry["mac_address"]
    if mac and links and not links[0].mac:
        links = (replace(links[0], mac=_mac(mac)), *links[1:])
    depends = [name for name, _ in entry["depends_on"].names()]
    depends += [each.text().partition(":")[0] for each in entry["links"].items()]
    depends += [mode.partition(":")[2]] if mode.startswith("service:") else []
    return ServiceDraft(
        key,
        entry,
        _names(key, entry),
        entry["image"].text(),
        command,
        entrypoint,
        tuple(sorted({each.upper().removeprefix("CAP_") for each in entry["cap_add"].texts()})),
        entry["privileged"].flag(),
        tuple(_sysctls(entry["sysctls"], notes)),
        mode,
        links,
        tuple(hooks),
        tuple(dict.fromkeys(depends)),
    )


def _names(key: str, entry: Entry) -> tuple[str, ...]:
    """The containers' names: container_name, else the service's own, numbered where there are several."""
    name = entry["container_name"].text()
    if not NAME.fullmatch(name or key):
        raise entry.fail(f"{name or key!r} is no name for a container: give one in container_name.")
    count = entry["scale"].number(entry["deploy"]["replicas"].number(1))
    if not 0 <= count <= 250:
        raise entry["scale"].fail("a service has 0 to 250 containers.")
    if count > 1 and name:
        raise entry["container_name"].fail(
            f"{count} containers cannot have one name: take container_name or scale away."
        )
    return (name or key,) if count == 1 else tuple(f"{key}-{number}" for number in range(1, count + 1))


def _links(entry: Entry) -> Iterator[LinkDraft]:
    for key, each in entry["networks"].names():
        each.only(keys.LINK)
        if each["link_local_ips"]:
            raise each["link_local_ips"].fail("this is not supported: give addresses of the network's subnet.")
        addresses = []
        for family in (4, 6):
            given = each[f"ipv{family}_address"]
            if given:
                address = given.read(parse_address)
                if address.version != family:
                    raise given.fail(f"{address} is no IPv{family} address.")
                addresses.append(address)
        dev = each["interface_name"].text()
        if len(dev) > DEVICE_LIMIT or "/" in dev or dev == "lo":
            raise each["interface_name"].fail(f"{dev!r} is no name for it: at most {DEVICE_LIMIT} characters, no '/'.")
        yield LinkDraft(
            key,
            each,
            tuple(addresses),
            _mac(each["mac_address"]),
            each["priority"].number(),
            each["gw_priority"].number(),
            dev,
            tuple(_endpoint_sysctls(each["driver_opts"][_ENDPOINT_SYSCTLS])),
        )


def _endpoint_sysctls(entry: Entry) -> Iterator[tuple[str, int]]:
    """`net.ipv4.conf.IFNAME.rp_filter=1,...`: IFNAME is replaced by the interface's name, once it has one."""
    for setting in filter(None, entry.text().split(",")):
        name, _, value = setting.partition("=")
        known = sysctl(name, value)
        if known is None or ".IFNAME." not in known.name:
            raise entry.fail(f"{setting!r} is no setting of an interface: write net.ipv4.conf.IFNAME.rp_filter=1.")
        yield known.name, known.value


def _mac(entry: Entry) -> str:
    mac = entry.text().lower().replace("-", ":")
    if mac and not _MAC.fullmatch(mac):
        raise entry.fail(f"{mac!r} is no MAC address: write six pairs such as 02:42:ac:13:00:02.")
    return mac


def _sysctls(entry: Entry, notes: list[str]) -> Iterator[tuple[str, int]]:
    for name, value in entry.pairs():
        if not value:
            raise value.fail(f"{name} needs a value: write {name}=1.")
        known = sysctl(name, value.text())
        if known is None:
            notes.append(value.note(f"the sysctl {name} has no part in routing and is ignored."))
            continue
        yield known.name, known.value


def _words(entry: Entry) -> tuple[str, ...]:
    """A command as Compose reads it: a list, or one text that is split like a shell would."""
    if isinstance(entry.value, list):
        return entry.texts()
    return entry.read(split_words) if entry else ()


def _hooks(entry: Entry, notes: list[str]) -> Iterator[Command]:
    for hook in entry.items():
        hook.only(keys.HOOK)
        argv = _words(hook["command"])
        if not argv:
            raise hook.fail("a hook needs a command.")
        like = Command(argv, None, hook["user"].text(), hook["privileged"].flag(), line=hook["command"].line)
        yield from _read(hook["command"], argv, like, notes)


def _own_commands(entry: Entry, argv: tuple[str, ...], notes: list[str]) -> Iterator[Command]:
    """What the container's own start command does to routing, where it is a list that a shell runs."""
    if script(argv) is None:
        return
    place = entry["command"] if entry["command"] else entry["entrypoint"]
    like = Command(argv, of_command=True, line=place.line)
    yield from (each for each in _read(place, argv, like, notes) if each.meaning is not None)


def _read(entry: Entry, argv: tuple[str, ...], like: Command, notes: list[str]) -> Iterator[Command]:
    try:
        parts = commands(argv)
    except ShellError as error:
        notes.append(entry.note(f"this shell script is not followed, whatever it does to routes: {error}"))
        yield like
        return
    for part in parts:
        try:
            done = meaning(part.argv)
        except CommandError as error:
            raise entry.fail(str(error)) from None
        if done is None and part.argv and part.argv[0].rpartition("/")[2] in _NOT_FOLLOWED:
            notes.append(entry.note(f"{part.argv[0]} is not followed: what it filters or rewrites is not shown."))
        yield replace(like, argv=part.argv, meaning=done, may_fail=part.may_fail)
