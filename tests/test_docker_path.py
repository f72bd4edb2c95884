"""Predicted paths on a live engine, held against pings between all of its nodes: the host's filters decide."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from docker_variants import NEEDS, VARIANTS, bridge_netfilter, engine_pid, judge
from private_engine.lab import Lab

from tui.engines.docker.engine import DockerEngine


@pytest.mark.parametrize("on", [False, True], ids=["bridge-nf-0", "bridge-nf-1"])
@pytest.mark.parametrize("variant", [each for each in VARIANTS if each not in NEEDS], ids=lambda each: each.__name__)
def test_every_ping_is_predicted(
    lab: Lab, engine_by: Callable[..., DockerEngine], variant: Callable[[Lab], None], on: bool
) -> None:
    variant(lab)
    pid = engine_pid(lab.url)
    bridge_netfilter(pid, on)
    try:
        found = list(judge(engine_by(), pid))
    finally:
        bridge_netfilter(pid, True)
    assert [str(each) for each in found if not each.agrees] == []
    assert len(found) >= 12
