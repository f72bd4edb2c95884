"""Changes on a real Docker Engine: by each way into a container, by the engine; what is asked, what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import docker
import pytest
from listening import named
from private_engine import images
from private_engine.lab import Lab

from tui.core.addresses import parse_address, parse_prefix
from tui.core.changes import (
    AddRoute,
    Change,
    Connect,
    CreateNetwork,
    DeleteRoute,
    Disconnect,
    RemoveNetwork,
    RemoveNode,
    ReplaceRoute,
    SetSysctl,
    Several,
    StartNode,
    apply,
    command,
    forwarding,
)
from tui.core.changes.inverse import inverse
from tui.core.world import Network, NextHop, Node, Route, Subnet, World
from tui.engines.base import Asks, EngineError, Making
from tui.engines.docker import beside
from tui.engines.docker.changing import CONTAINER, PULL
from tui.engines.docker.creating import MADE
from tui.engines.docker.engine import DockerEngine, connect
from tui.engines.docker.lab_bodies import LABEL

ADMIN, PLAIN = ["NET_ADMIN"], []
Connecting = Callable[..., DockerEngine]


@pytest.fixture
def engine(docker_engine_url: str) -> Iterator[Connecting]:
    """Connects with the ways named (all of them where none is), and closes it after the test."""
    opened: list[DockerEngine] = []

    def make(*ways: str) -> DockerEngine:
        opened.append(connect(docker_engine_url, ways=ways or None))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


@pytest.fixture(scope="module")
def net(docker_engine_url: str) -> Iterator[Lab]:
    """A network with both families, for containers that come and go."""
    made = Lab(docker_engine_url)
    try:
        made.network("chg", "172.27.0.0/16", "fd00:27::/64")
        yield made
    finally:
        made.close()


def route(dst: str, via: str | None = None, dev: str | None = None, **more: object) -> Route:
    hop = NextHop(dev, parse_address(via) if via else None)
    return replace(Route(parse_prefix(dst), nexthops=(hop,)), **more)  # type: ignore[arg-type]


def made(making: Making) -> list[str]:
    """Its lines; it must have been made."""
    lines = list(making)
    assert making.code == 0, lines
    return lines


def start(lab: Lab, name: str, image: str = images.FULL, networks: str | None = None, **options: object) -> str:
    """A container on `chg` (or sharing a network), once no address is tentative any more, so that nothing moves."""
    made_ = lab.container(name, networks or {"chg": None}, image, **options)  # type: ignore[arg-type]
    settle(lab, name)
    return made_


def settle(lab: Lab, name: str) -> None:
    lab.enter(name, "sh", "-c", "while ip -6 address show tentative | grep -q inet6; do sleep 0.05; done")


def do(engine: DockerEngine, change: Change, agreed: tuple[str, ...] = ()) -> tuple[Making, World, World]:
    """Make it; with the World that was promised and the one that came."""
    world = engine.snapshot()
    making = engine.change(change, world, agreed)
    assert making.argv == command(change, world)[0]
    assert making.code is None
    made(making)
    return making, apply(change, world), engine.snapshot()


def same(found: World, promised: World, name: str) -> None:
    """A node's devices, tables and switches are as promised."""
    one, other = named(found, name), named(promised, name)
    assert one.routes == other.routes
    assert one.rules == other.rules
    assert one.sysctls == other.sysctls
    assert one.interfaces == other.interfaces


def listed(lab: Lab, name: str, *words: str) -> list[dict[str, object]]:
    """What the container's kernel itself has, asked past the engine."""
    found: list[dict[str, object]] = json.loads(lab.enter(name, "ip", "-j", *words, "route"))
    return found


def switch(lab: Lab, name: str, sysctl: str) -> str:
    return lab.enter(name, "cat", f"/proc/sys/{sysctl.replace('.', '/')}").strip()


def privileged_works(lab: Lab, name: str) -> bool:
    """Whether this engine starts privileged commands: it does not where the machine lacks a capability itself."""
    return lab.execute(name, "ip", "-V", privileged=True)[0] == 0


# --- each way, held against the container's own kernel ---

WAYS = {
    "ip": (images.BARE, PLAIN, "in its namespace, by this machine's ip"),
    "netlink": (images.BARE, PLAIN, "in its namespace, by netlink"),
    "exec": (images.FULL, ADMIN, "docker exec"),
    "exec-busybox": (images.BUSYBOX, ADMIN, "docker exec"),
    "exec-no-shell": (images.IP_ONLY, ADMIN, "docker exec"),
    "privileged": (images.FULL, PLAIN, "docker exec --privileged"),
    "container": (images.BARE, PLAIN, f"a container that shares its network, of {images.FULL}"),
}
ROUTES = (
    route("10.1.0.0/16", "172.27.0.77"),
    route("10.2.0.0/16", "172.27.0.78", "eth0", metric=50),
    route("10.3.0.0/16", dev="eth0", scope="link"),
    route("fd00:1::/48", "fd00:27::77", metric=1024),
)


@pytest.mark.parametrize("way", WAYS)
def test_routes_are_made_by_each_way(
    net: Lab, lab: Lab, engine: Connecting, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, rights, how = WAYS[way]
    monkeypatch.setenv(beside.IMAGE, images.FULL)
    start(lab, "subject", image, cap_add=rights)
    if way == "privileged" and not privileged_works(lab, "subject"):
        with pytest.raises(EngineError, match="the engine does not start privileged commands"):
            engine("privileged").change(AddRoute("subject", ROUTES[0]), engine().snapshot())
        return
    by = engine(way.partition("-")[0])
    agreed = (CONTAINER,) if way == "container" else ()
    for each in ROUTES:
        making, promised, found = do(by, AddRoute("subject", each), agreed)
        assert making.how == how
        same(found, promised, "subject")
        there = [one for one in listed(lab, "subject", f"-{each.family}") if one["dst"] == str(each.dst)]
        assert [one.get("gateway") for one in there] == [str(each.gateway) if each.gateway else None]
    other = replace(ROUTES[0], nexthops=(NextHop(None, parse_address("172.27.0.79")),))
    _, promised, found = do(by, ReplaceRoute("subject", other), agreed)
    same(found, promised, "subject")
    assert "172.27.0.79" in lab.enter("subject", "ip", "route", "show", "10.1.0.0/16")
    for each in named(found, "subject").routes:
        if each.dst in {other.dst, *(one.dst for one in ROUTES)}:
            _, promised, found = do(by, DeleteRoute("subject", each), agreed)
            same(found, promised, "subject")
    assert not [one for one in listed(lab, "subject") if str(one["dst"]).startswith("10.")]


@pytest.mark.parametrize("rights", [ADMIN, PLAIN])
def test_the_classic_command_where_there_is_no_ip(net: Lab, lab: Lab, engine: Connecting, rights: list[str]) -> None:
    start(lab, "subject", images.BUSYBOX, cap_add=rights)
    lab.execute("subject", "sh", "-c", "busybox rm /usr/bin/ip")
    world = engine().snapshot()
    add = AddRoute("subject", route("10.1.0.0/16", "172.27.0.77", "eth0"))
    by = engine("exec", "privileged", "classic")
    if not rights and lab.execute("subject", "cat", "/proc/version", privileged=True)[0]:
        with pytest.raises(EngineError, match="the engine does not start privileged commands"):
            by.change(add, world)
        return
    making, promised, found = do(by, add)
    assert making.how.endswith(": route add -net 10.1.0.0 netmask 255.255.0.0 gw 172.27.0.77 dev eth0")
    same(found, promised, "subject")
    (route_there,) = (each for each in named(found, "subject").routes if str(each.dst) == "10.1.0.0/16")
    _, promised, found = do(by, DeleteRoute("subject", route_there))
    same(found, promised, "subject")
    with pytest.raises(EngineError, match="the classic route command cannot say this"):
        by.change(AddRoute("subject", replace(add.route, table="100")), found)


def test_without_this_machines_ip_it_is_netlink(
    net: Lab, lab: Lab, engine: Connecting, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(lab, "subject", images.BARE, cap_add=PLAIN)
    by = engine()
    monkeypatch.setenv("PATH", "")
    making, promised, found = do(by, AddRoute("subject", ROUTES[0]))
    assert making.how == "in its namespace, by netlink"
    same(found, promised, "subject")


SWITCHES = {
    "ip": (images.BARE, {}, "in its namespace, from this machine"),
    "netlink": (images.BARE, {}, "in its namespace, from this machine"),
    "container": (images.BARE, {}, f"a container that shares its network, of {images.FULL}"),
}


@pytest.mark.parametrize("way", SWITCHES)
def test_switches_are_set_by_each_way(
    net: Lab, lab: Lab, engine: Connecting, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, options, how = SWITCHES[way]
    monkeypatch.setenv(beside.IMAGE, images.FULL)
    start(lab, "subject", image, cap_add=PLAIN, **options)
    by = engine(way)
    for change in (
        forwarding("subject", True),
        forwarding("subject", False),
        forwarding("subject", True, 6),
        SetSysctl("subject", "net.ipv4.conf.eth0.rp_filter", 2),
    ):
        making, promised, found = do(by, change, (CONTAINER,))
        assert making.how == how
        same(found, promised, "subject")
        assert switch(lab, "subject", change.name) == str(change.value)


def test_a_container_that_may_write_its_switches_does_so_itself(net: Lab, lab: Lab, engine: Connecting) -> None:
    # As --privileged and --security-opt systempaths=unconfined leave it: nothing covers /proc/sys.
    config = lab.api.create_host_config(network_mode="chg", cap_add=ADMIN)
    made_ = lab.api.create_container_from_config(
        {"Image": images.FULL, "HostConfig": config | {"ReadonlyPaths": [], "MaskedPaths": []}}, "open"
    )["Id"]
    try:
        lab.api.start(made_)
        making, promised, found = do(engine("exec"), forwarding("open", True))
        assert making.how == "docker exec"
        same(found, promised, "open")
    finally:
        lab.api.remove_container(made_, force=True)


def test_the_first_way_that_works_is_taken_and_told(net: Lab, lab: Lab, engine: Connecting) -> None:
    start(lab, "subject", images.FULL)
    assert do(engine(), AddRoute("subject", ROUTES[0]))[0].how == "in its namespace, by this machine's ip"
    by = engine("exec", "privileged", "container")
    assert do(by, AddRoute("subject", ROUTES[1]))[0].how == "docker exec"
    # BusyBox does not know the word: nothing was done, and the next way is taken.
    start(lab, "small", images.BUSYBOX)
    wide = route("10.9.0.0/16", "172.27.0.77", pref=None, tos=8)
    making, promised, found = do(engine("exec", "netlink"), AddRoute("small", wide))
    assert making.how == "in its namespace, by netlink"
    same(found, promised, "small")


def test_a_paused_container_is_changed_from_outside(net: Lab, lab: Lab, engine: Connecting) -> None:
    start(lab, "subject")
    lab.api.pause("subject")
    _, promised, found = do(engine(), AddRoute("subject", ROUTES[0]))
    same(found, promised, "subject")
    with pytest.raises(EngineError, match="it is paused"):
        engine("exec").change(AddRoute("subject", ROUTES[1]), found)
    lab.api.unpause("subject")


# --- what a person has to agree to ---


@pytest.mark.parametrize("change", [AddRoute("subject", ROUTES[0]), forwarding("subject", True)])
def test_a_container_beside_it_is_asked_for_first(net: Lab, lab: Lab, engine: Connecting, change: Change) -> None:
    start(lab, "subject", images.BARE, cap_add=PLAIN)
    start(lab, "donor", images.FULL, labels={LABEL: "first-asked"})
    by = engine("exec", "privileged", "classic", "container")
    world = by.snapshot()
    with pytest.raises(Asks) as asked:
        by.change(change, world)
    assert asked.value.word == "helper-container"
    assert f"a container of {images.FULL} that shares the network of subject" in str(asked.value)
    assert ("--privileged" in str(asked.value)) == isinstance(change, SetSysctl)
    assert asked.value.hint.startswith("No better way is left: it ")
    assert named(by.snapshot(), "subject") == named(world, "subject")
    before = {each["Id"] for each in lab.api.containers(all=True)}
    _, promised, found = do(by, change, ("helper-container",))
    same(found, promised, "subject")
    assert {each["Id"] for each in lab.api.containers(all=True)} == before


def test_an_image_that_is_not_there_is_not_fetched(
    net: Lab, lab: Lab, engine: Connecting, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(lab, "subject", images.BARE, cap_add=PLAIN)
    by = engine("container")
    monkeypatch.setenv(beside.IMAGE, "no.such/image")
    with pytest.raises(EngineError, match=r"no\.such/image that ROUTETUI_HELPER_IMAGE names is not on this engine"):
        by.change(AddRoute("subject", ROUTES[0]), by.snapshot(), (CONTAINER,))


def test_with_no_way_left_it_says_what_would_be_needed(net: Lab, lab: Lab, engine: Connecting) -> None:
    start(lab, "subject", images.BARE, cap_add=PLAIN)
    by = engine("exec", "classic")
    world = by.snapshot()
    with pytest.raises(EngineError) as said:
        by.change(AddRoute("subject", ROUTES[0]), world)
    assert str(said.value).startswith("Nothing here can change routes of subject: it was started without NET_ADMIN; ")
    assert not isinstance(said.value, Asks)
    with pytest.raises(EngineError, match="Nothing here can set switches of subject: it has no shell"):
        by.change(forwarding("subject", True), world)


def test_what_a_killed_run_left_beside_is_removed_and_never_shown(
    net: Lab, lab: Lab, engine: Connecting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(beside.IMAGE, images.FULL)
    start(lab, "subject", images.BARE, cap_add=PLAIN)
    left = lab.container("left", {"chg": None}, labels={beside.LABEL: "x"}, start=False)
    by = engine("container")
    assert by.snapshot().node("left") is None
    do(by, AddRoute("subject", ROUTES[0]), (CONTAINER,))
    with pytest.raises(docker.errors.NotFound):
        lab.api.inspect_container(left)


# --- what is refused ---


def test_the_kernels_refusal_is_told_and_nothing_is_left(net: Lab, lab: Lab, engine: Connecting) -> None:
    start(lab, "subject")
    for ways in (("ip",), ("netlink",), ("exec",)):
        by = engine(*ways)
        world = by.snapshot()
        wrong = AddRoute("subject", route("10.1.0.0/16", "192.0.2.1"))
        making = by.change(wrong, world)
        lines = list(making)
        assert making.code
        assert any("gateway" in line.lower() or "unreachable" in line.lower() for line in lines), lines
        several = Several((AddRoute("subject", ROUTES[0]), AddRoute("subject", ROUTES[1])))
        lab.enter("subject", "ip", "route", "add", "10.2.0.0/16", "via", "172.27.0.78", "metric", "50")
        making = by.change(several, world)
        lines = list(making)
        assert making.code
        assert any("exists" in line for line in lines)
        lab.enter("subject", "ip", "route", "del", "10.2.0.0/16")
        assert named(by.snapshot(), "subject") == named(world, "subject")


def test_what_is_not_ours_is_not_removed(net: Lab, lab: Lab, engine: Connecting) -> None:
    start(lab, "theirs")
    by = engine()
    making = by.change(RemoveNode("theirs"), by.snapshot())
    assert list(making) == [
        "theirs was not made by routetui, which removes only what it made: docker rm -f theirs does it, if it is to go."
    ]
    assert making.code == 1
    assert named(by.snapshot(), "theirs").state == "running"


def test_a_node_that_is_gone_or_does_not_run_is_a_sentence(net: Lab, lab: Lab, engine: Connecting) -> None:
    start(lab, "subject")
    by = engine()
    world = by.snapshot()
    lab.api.kill("subject")
    lab.api.wait("subject")
    with pytest.raises(EngineError, match=r"subject does not run \(exited\): docker start subject\."):
        by.change(AddRoute("subject", ROUTES[0]), world)
    lab.remove("subject")
    with pytest.raises(EngineError, match="There is no node named 'subject'"):
        by.change(AddRoute("subject", ROUTES[0]), world)
    making = by.change(Connect("subject", "bridge"), world)
    assert list(making) == ["There is no node subject on the engine any more: look again."]


# --- the host, and those that share a network ---


def test_the_host_and_those_that_share_a_network_are_changed_where_it_is(
    net: Lab, lab: Lab, engine: Connecting, private_engine: object
) -> None:
    start(lab, "owner", images.BARE, cap_add=PLAIN)
    lab.container("guest", "container:owner", images.BARE)
    lab.container("on-host", "host", images.BARE)
    by = engine()
    _, promised, found = do(by, AddRoute("guest", ROUTES[0]))
    same(found, promised, "owner")
    bridge = found.network("chg")
    assert bridge is not None
    add = AddRoute("host", route("10.77.0.0/16", "172.27.0.2", bridge.bridge))
    making, promised, found = do(by, add)
    assert making.how == "in its namespace, by this machine's ip"
    same(found, promised, "host")
    (there,) = (each for each in named(found, "host").routes if each.dst == add.route.dst)
    _, promised, found = (
        do(by, DeleteRoute("on-host", there)) if named(found, "on-host").routes else do(by, DeleteRoute("host", there))
    )
    same(found, promised, "host")


# --- the engine's own ---


def made_by_us(lab: Lab) -> list[dict[str, object]]:
    filters = {"label": MADE}
    return [*lab.api.containers(all=True, filters=filters), *lab.api.networks(filters=filters)]


def without_choices(node: Node) -> object:
    """What a change promises of a node; MAC addresses, and how a device is numbered, are the engine's."""
    return (
        [
            (each.name, each.network, [own.address for own in each.addresses if own.scope != "link"])
            for each in sorted(node.interfaces, key=lambda each: each.name)
        ],
        [each for each in node.routes if not each.dst.first.is_link_local and each.table == "main"],
        node.sysctl("net.ipv4.ip_forward"),
    )


def test_connect_and_disconnect(net: Lab, lab: Lab, engine: Connecting) -> None:
    lab.network("second", "172.26.0.0/16")
    start(lab, "subject")
    by = engine()
    before = by.snapshot()
    join = Connect("subject", "second", (parse_address("172.26.0.44"),))
    making, promised, found = do(by, join)
    assert making.how == "by the engine"
    assert without_choices(named(found, "subject")) == without_choices(named(promised, "subject"))
    making = by.change(join, found)
    assert "already exists in network second" in " ".join(list(making))
    assert making.code
    _, promised, found = do(by, inverse(join, before))
    assert without_choices(named(found, "subject")) == without_choices(named(before, "subject"))


def test_a_disconnect_is_undone_with_its_routes_whatever_the_device_is_called(
    net: Lab, lab: Lab, engine: Connecting
) -> None:
    lab.network("second", "172.26.0.0/16")
    lab.container("subject", {"chg": None, "second": "172.26.0.44"})
    by = engine()
    (link,) = (each for each in named(by.snapshot(), "subject").interfaces if each.network == "second")
    do(by, AddRoute("subject", route("10.5.0.0/16", "172.26.0.9", link.name)))
    before = by.snapshot()
    away = Disconnect("subject", "second")
    back = inverse(away, before)
    do(by, away)
    made(by.change(back, by.snapshot()))
    node = named(by.snapshot(), "subject")
    (link,) = (each for each in node.interfaces if each.network == "second")
    assert next(str(each.address) for each in link.addresses) == "172.26.0.44"
    (there,) = (each for each in node.routes if str(each.dst) == "10.5.0.0/16")
    assert (str(there.gateway), there.dev) == ("172.26.0.9", link.name)


def test_a_network_is_created_and_removed(lab: Lab, engine: Connecting) -> None:
    by = engine()
    before = by.snapshot()
    wanted = Network("fresh", subnets=(Subnet(parse_prefix("172.28.0.0/16")), Subnet(parse_prefix("fd00:28::/64"))))
    create = CreateNetwork(replace(wanted, internal=True))
    try:
        _, promised, found = do(by, create)
        one, other = found.network("fresh"), promised.network("fresh")
        assert one is not None and other is not None
        assert (one.subnets, one.internal, one.options) == (other.subnets, other.internal, other.options)
        assert [each["Name"] for each in made_by_us(lab)] == ["fresh"]
        making = by.change(CreateNetwork(replace(wanted, name="twin")), found)
        assert "overlap" in " ".join(list(making)).lower()
        assert making.code
    finally:
        made(by.change(RemoveNetwork("fresh"), by.snapshot()))
    assert by.snapshot().networks == before.networks
    assert made_by_us(lab) == []


def test_a_network_that_is_removed_and_put_back_keeps_its_labels(lab: Lab, engine: Connecting) -> None:
    lab.network("labelled", "172.28.0.0/16", labels={"whose": "theirs"})
    by = engine()
    before = by.snapshot()
    remove = RemoveNetwork("labelled")
    back = inverse(remove, before)
    do(by, remove)
    do(by, back)
    assert lab.api.inspect_network("labelled")["Labels"] == {"whose": "theirs"}
    lab.api.remove_network("labelled")


def test_a_container_of_the_lab_is_started_and_removed(net: Lab, lab: Lab, engine: Connecting) -> None:
    lab.network("second", "172.26.0.0/16", labels={LABEL: "some-lab"})
    by = engine()
    links = (
        Connect("", "chg", (parse_address("172.27.0.50"), parse_address("fd00:27::50"))),
        Connect("", "second", (parse_address("172.26.0.50"),)),
    )
    start = StartNode("new-one", images.FULL, links, (("net.ipv4.ip_forward", 1),))
    before = by.snapshot()
    try:
        _, promised, found = do(by, start)
        assert without_choices(named(found, "new-one")) == without_choices(named(promised, "new-one"))
        labels = lab.api.inspect_container("new-one")["Config"]["Labels"]
        assert labels[LABEL] == "some-lab"
        assert MADE in labels
        # Removed and put back: with what was set in it.
        do(by, AddRoute("new-one", route("10.5.0.0/16", "172.26.0.9", "eth1")))
        whole = by.snapshot()
        remove = RemoveNode("new-one")
        back = inverse(remove, whole)
        do(by, remove)
        made(by.change(back, by.snapshot()))
        assert without_choices(named(by.snapshot(), "new-one")) == without_choices(named(whole, "new-one"))
    finally:
        made(by.change(RemoveNode("new-one"), by.snapshot()))
    assert [each.name for each in by.snapshot().nodes] == [each.name for each in before.nodes]
    assert made_by_us(lab) == []


def test_a_shell_of_an_image_keeps_a_container_running(net: Lab, lab: Lab, engine: Connecting) -> None:
    config = {"Image": images.BUSYBOX, "Cmd": ["sh"]}
    shell = lab.api.create_container_from_config(config, "for-its-shell")["Id"]
    lab.api.commit(shell, "routetui-test", "shell", changes='CMD ["sh"]')
    lab.api.remove_container(shell)
    by = engine()
    do(by, StartNode("waits", "routetui-test:shell", (Connect("", "chg"),)))
    assert named(by.snapshot(), "waits").state == "running"
    do(by, RemoveNode("waits"))
    lab.api.remove_image("routetui-test:shell")


def test_a_container_that_ends_at_once_is_refused_and_gone(net: Lab, lab: Lab, engine: Connecting) -> None:
    config = {"Image": images.BUSYBOX}
    ended = lab.api.create_container_from_config(config, "for-its-end")["Id"]
    lab.api.commit(ended, "routetui-test", "ends", changes='CMD ["cat", "/proc/version"]')
    lab.api.remove_container(ended)
    by = engine()
    create = CreateNetwork(Network("fresh", subnets=(Subnet(parse_prefix("172.28.0.0/16")),)))
    making = by.change(
        Several((create, StartNode("brief", "routetui-test:ends", (Connect("", "fresh"),)))), by.snapshot()
    )
    lines = list(making)
    assert making.code
    assert any("ended at once" in line for line in lines), lines
    world = by.snapshot()
    assert world.node("brief") is None
    assert world.network("fresh") is None
    lab.api.remove_image("routetui-test:ends")


def test_an_image_is_fetched_only_when_somebody_agreed(net: Lab, engine: Connecting) -> None:
    by = engine()
    start = StartNode("new-one", "no.such/image:1", (Connect("", "chg"),))
    with pytest.raises(Asks, match=r"no\.such/image:1 is not on this engine. Fetch it") as asked:
        by.change(start, by.snapshot())
    assert asked.value.word == PULL
    making = by.change(start, by.snapshot(), (PULL,))
    lines = list(making)
    assert making.code
    assert lines[0] == "the image no.such/image:1 is not on this engine: pulling it"
    assert "cannot be pulled" in lines[-1]


def test_several_are_made_and_undone_as_one(net: Lab, lab: Lab, engine: Connecting) -> None:
    start(lab, "subject")
    by = engine()
    before = by.snapshot()
    links = (Connect("", "chg", (parse_address("172.27.0.60"), parse_address("fd00:27::60"))),)
    several = Several(
        (
            StartNode("router", images.FULL, links, (("net.ipv4.ip_forward", 1),)),
            AddRoute("subject", route("10.5.0.0/16", "172.27.0.60", "eth0")),
            AddRoute("router", route("10.6.0.0/16", "172.27.0.9", "eth0")),
        )
    )
    _, promised, found = do(by, several)
    for name in ("subject", "router"):
        assert without_choices(named(found, name)) == without_choices(named(promised, name))
    made(by.change(inverse(several, before), found))
    assert by.snapshot().node("router") is None
    assert named(by.snapshot(), "subject") == named(before, "subject")


def test_a_making_closed_before_it_began_makes_nothing(net: Lab, lab: Lab, engine: Connecting) -> None:
    start(lab, "subject")
    by = engine()
    before = by.snapshot()
    making = by.change(AddRoute("subject", ROUTES[0]), before)
    making.close()
    assert list(making) == []
    assert making.code
    assert by.snapshot() == before
    by.close()
    with pytest.raises(EngineError, match="closed"):
        by.change(AddRoute("subject", ROUTES[0]), before)
