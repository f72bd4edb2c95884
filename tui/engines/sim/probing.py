"""Ping, traceroute and netcat of the simulator: what the World predicts, printed as the real programs print it.

Nothing takes time here, so every round trip is 0.000 ms; and no program listens on any port.
"""

from __future__ import annotations

import getopt
from collections.abc import Callable, Iterator, Sequence

from tui.core.addresses import Address, AddressError, parse_address
from tui.core.destination import resolve
from tui.core.path.hops import Path
from tui.core.path.links_between import Links
from tui.core.path.symptoms import PING_WORDS, TracedHop, symptoms
from tui.core.path.ways import expires_at
from tui.core.probes import Ping, ProbeError, TcpConnect, Traceroute
from tui.core.probes.dialects import QUESTION
from tui.core.probes.meanings import Meaning
from tui.core.probes.prediction import NOTICES, Prediction, Seen, Sight, hops_of, predict
from tui.core.query import QueryError
from tui.core.world import Node, World

Answer = tuple[tuple[str, ...], int]

_TOOLS = (
    "= ping /usr/bin/ping",
    "ping from iputils 20221126",
    "= traceroute /usr/bin/traceroute",
    "Modern traceroute for Linux, version 2.1.2",
    "= nc /usr/bin/nc",
    "OpenBSD netcat",
)
"""What the simulator says it has: the programs whose words it uses."""


def probed(world: World, node: Node, argv: Sequence[str]) -> Answer | None:
    """The lines and the exit code of a probe, or of the question which tools there are; None for other commands."""
    if tuple(argv) == QUESTION:
        return _TOOLS, 0
    known: dict[str, Callable[[World, Node, Sequence[str]], Answer]] = {
        "ping": _ping,
        "traceroute": _traceroute,
        "nc": _netcat,
    }
    name = argv[0] if argv else ""
    if name not in known:
        return None
    try:
        return known[name](world, node, argv[1:])
    except getopt.GetoptError as error:
        return (f"{name}: the simulator knows no such option: {error.msg}.",), 2
    except (ProbeError, QueryError, AddressError) as error:
        return (f"{name}: {error}",), 2
    except ValueError:
        return (f"{name}: an option needs a number.",), 2


def _target(world: World, node: Node, words: Sequence[str], version: int | None) -> Address:
    if not words:
        raise ProbeError("usage error: Destination address required")
    return resolve(words[0].partition("%")[0], world, node, version).dst


def _ends(node: Node, names: Sequence[str]) -> tuple[str | None, Address | None]:
    """-I takes a device or an address, and may be given twice."""
    dev, source = None, None
    for name in names:
        if node.interface(name) is not None:
            dev = name
        else:
            source = parse_address(name)
    return dev, source


def _family(options: Sequence[tuple[str, str]]) -> int | None:
    return next((int(name[1]) for name, _ in options if name in ("-4", "-6")), None)


def path_of_ping(world: World, node: Node, argv: Sequence[str]) -> tuple[Path, int] | None:
    """The way of a ping's packets, and how many there are; None where the command is no ping that can be sent."""
    if argv[:1] != ("ping",):
        return None
    try:
        probe, _ = _asked(world, node, argv[1:])
        return predict(Links(world), node.name, probe).path, probe.count
    except (getopt.GetoptError, ValueError):
        return None


def _asked(world: World, node: Node, words: Sequence[str]) -> tuple[Ping, bool]:
    """The ping that a command asks for, and whether silence is to be told of."""
    options, rest = getopt.gnu_getopt(list(words), "46nOc:i:W:w:s:t:I:")
    given = dict(options)
    target = _target(world, node, rest, _family(options))
    dev, source = _ends(node, [value for name, value in options if name == "-I"])
    count, interval = int(given.get("-c", 5)), float(given.get("-i", 1))
    probe = Ping(target, count, interval, int(given.get("-s", 56)), int(given.get("-t", 64)), dev, source)
    return probe, "-O" in given


def _ping(world: World, node: Node, words: Sequence[str]) -> Answer:
    probe, says_silence = _asked(world, node, words)
    prediction = predict(Links(world), node.name, probe)
    sight = prediction.sights[0]
    if sight.seen is Seen.UNKNOWN:
        return (_cannot_tell("ping", prediction),), 2
    if sight.meaning is not None and sight.meaning.is_here:
        return (_refused("ping", prediction),), 2
    lines = tuple(_ping_lines(probe, sight, says_silence))
    return lines, 0 if sight.seen is Seen.ANSWER else 1


def _refused(name: str, prediction: Prediction) -> str:
    """What the sending machine itself says."""
    if prediction.sights[0].meaning is Meaning.HERE_NO_SOURCE:
        return f"{name}: bind: Cannot assign requested address"
    return symptoms(prediction.path)[0].text


def _cannot_tell(name: str, prediction: Prediction) -> str:
    return f"{name}: the simulator cannot tell: {prediction.unknown}."


def _ping_lines(probe: Ping, sight: Sight, says_silence: bool) -> Iterator[str]:
    """As iputils' ping prints them (ping.c, ping_common.c)."""
    answered, told = sight.seen is Seen.ANSWER, sight.seen is Seen.ERROR
    whole = probe.size + (28 if probe.family == 4 else 0)
    data = f" {probe.size}({whole}) bytes of data." if probe.family == 4 else f" {probe.size} data bytes"
    yield f"PING {probe.target}{' ' if probe.family == 4 else ''}({probe.target}){data}"
    time = " time=0.000 ms" if probe.size >= 16 else ""  # the time travels in the data: struct timeval
    for number in range(1, probe.count + 1):
        if answered:
            yield f"{probe.size + 8} bytes from {probe.target}: icmp_seq={number} ttl={sight.ttl}{time}"
        elif told:
            yield f"From {sight.sender} icmp_seq={number} {_words(sight.meaning, probe.family)}"
        if says_silence and not answered and number < probe.count:
            yield f"no answer yet for icmp_seq={number}"
    errors = f" +{probe.count} errors," if told else ""
    took = round((probe.count - 1) * probe.interval * 1000)
    yield ""
    yield f"--- {probe.target} ping statistics ---"
    got = probe.count if answered else 0
    yield f"{probe.count} packets transmitted, {got} received,{errors} {0 if got else 100}% packet loss, time {took}ms"
    if answered and time:
        yield "rtt min/avg/max/mdev = 0.000/0.000/0.000/0.000 ms"


def _words(meaning: Meaning | None, version: int) -> str:
    notice = next(each for each, means in NOTICES.items() if means is meaning)
    return PING_WORDS[version][notice]


def _traceroute(world: World, node: Node, words: Sequence[str]) -> Answer:
    options, rest = getopt.gnu_getopt(list(words), "46nITm:q:w:p:i:s:")
    given = dict(options)
    target = _target(world, node, rest, _family(options))
    source = parse_address(given["-s"]) if "-s" in given else None
    proto = "icmp" if "-I" in given else "tcp" if "-T" in given else "udp"
    port = int(given["-p"]) if "-p" in given else None
    most, queries = int(given.get("-m", 30)), int(given.get("-q", 3))
    probe = Traceroute(target, proto, most, queries, port=port, dev=given.get("-i"), source=source)
    links = Links(world)
    prediction = predict(links, node.name, probe)
    size = 60 if probe.family == 4 else 80
    heading = f"traceroute to {target} ({target}), {most} hops max, {size} byte packets"
    sight = prediction.sights[0]
    if sight.meaning is not None and sight.meaning.is_here:
        return (heading, _refused("ping", prediction).removeprefix("ping: ")), 1
    lines = hops_of(links, node.name, probe, prediction)
    return (heading, *_trace_lines(prediction, lines, probe)), 0


def _trace_lines(prediction: Prediction, lines: Sequence[TracedHop], probe: Traceroute) -> Iterator[str]:
    """One for each ttl: to the end of the way, round and round in a loop, or stars to the last ttl."""
    way = prediction.path.forward
    for ttl in range(1, probe.max_hops + 1):
        place = expires_at(way.loop, len(way.hops), ttl) if way.loop is not None else ttl
        line = lines[place - 1] if place <= len(lines) else TracedHop(ttl, None, None)
        if not line.sure or not lines:
            yield _cannot_tell("traceroute", prediction)
            return
        mark = f" {line.mark}" if line.mark else ""
        one = "*" if line.address is None else f" 0.000 ms{mark}"
        head = f"{ttl:2}  " + (f"{line.address} " if line.address is not None else "")
        yield head + " ".join([one] * probe.queries)
        if place == len(lines) and line.address is not None and way.loop is None:
            if line.address != probe.target and not line.mark:
                yield _cannot_tell("traceroute", prediction)
            return


def _netcat(world: World, node: Node, words: Sequence[str]) -> Answer:
    options, rest = getopt.gnu_getopt(list(words), "46nzvw:s:")
    given = dict(options)
    if len(rest) != 2:
        raise ProbeError("write an address and a port.")
    target = _target(world, node, rest, _family(options))
    source = parse_address(given["-s"]) if "-s" in given else None
    probe = TcpConnect(target, int(rest[1]), float(given.get("-w", 3)), source=source)
    prediction = predict(Links(world), node.name, probe)
    sight = prediction.sights[0]
    if sight.seen is Seen.UNKNOWN:
        return (_cannot_tell("nc", prediction),), 2
    if sight.meaning is Meaning.HERE_NO_SOURCE:
        return ("nc: bind failed: Cannot assign requested address",), 1
    return (f"nc: connect to {target} port {probe.port} (tcp) {_refusal(sight)}",), 1


def _refusal(sight: Sight) -> str:
    """How connect(2) fails; where the target is reached nothing listens."""
    if sight.seen is Seen.ANSWER:
        return "failed: Connection refused"
    if sight.seen is Seen.SILENCE:
        return "timed out: Operation now in progress"
    errors = {
        Meaning.HERE_NO_ROUTE: "Network is unreachable",
        Meaning.NET_UNREACHABLE: "Network is unreachable",
        Meaning.HERE_BLACKHOLE: "Invalid argument",
        Meaning.HERE_PROHIBITED: "Permission denied",
    }
    assert sight.meaning is not None
    return f"failed: {errors.get(sight.meaning, 'No route to host')}"
