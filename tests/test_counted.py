"""The counters of packet filters before and after a probe, on a lab of the kernel and on a real engine."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import pytest
from private_engine import images
from private_engine.lab import Lab
from test_kernel import WHY_NO_LAB

from tui import cli, labs
from tui.core.addresses import parse_address
from tui.core.probes import Ping
from tui.core.probes.watched import Watched
from tui.counted import Counters
from tui.engines.docker.engine import DockerEngine
from tui.engines.kernel import start
from tui.probing import Probes
from tui.walks.running import begin


@pytest.mark.skipif(WHY_NO_LAB is not None and not os.environ.get("CI"), reason=WHY_NO_LAB or "")
def test_the_rule_that_drops_a_ping_of_a_lab_has_counted_it() -> None:
    engine = start(labs.load("two-bridges"))
    try:
        counters = Counters(engine, engine.snapshot())
        assert counters.drops() == ()
        list(engine.run("centos-net1", ("ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", "172.20.0.2")))
        ((node, rise),) = counters.drops()
        assert (node, rise.packets) == ("host", 2)
        assert rise.text == 'inet routetui ISOLATION oifname "br-net2" drop'
        asked = Ping(parse_address("172.20.0.2"), count=1, wait=1)
        running = begin(engine, Probes(engine), Watched(1, "centos-net1", asked, engine.snapshot()))
        running.listen(lambda: None)
        assert running.ended()["verdict"].sentence == (
            f"Agrees: silence, as predicted. Counters: host dropped 1 packet meanwhile: {rise.text}."
        )
    finally:
        engine.close()


def test_what_no_prediction_knows_is_named_by_its_counter(
    lab: Lab, engine_by: Callable[..., DockerEngine], capsys: pytest.CaptureFixture[str]
) -> None:
    """A match on a packet's length is not followed: the path is not known, and what dropped the ping is."""
    lab.network("counted", "172.31.7.0/24")
    lab.container("asks", {"counted": "172.31.7.2"}, image=images.FULL)
    rule = ("INPUT", "-s", "172.31.7.2", "-m", "length", "--length", "84", "-j", "DROP")
    engine = engine_by()
    assert list(engine.run("host", ("iptables", "-I", *rule))) == []
    try:
        code = cli.run(["ping", "asks", "172.31.7.1", "-c", "1", "--json", "-H", lab.url])
        told = json.loads(capsys.readouterr().out)
        assert code == 1 and told["verdict"]["agrees"] is None
        (counted,) = told["counted"]
        assert counted == {
            "node": "host", "packets": 1, "rule": "INPUT -s 172.31.7.2/32 -m length --length 84 -j DROP"
        }  # fmt: skip
        cli.run(["ping", "asks", "172.31.7.1", "-c", "1", "-H", lab.url])
        said = capsys.readouterr().out
        assert "counted  host dropped 1 packet meanwhile: INPUT -s 172.31.7.2/32 -m length --length 84 -j DROP" in said
    finally:
        list(engine.run("host", ("iptables", "-D", *rule)))
