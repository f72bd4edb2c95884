"""The command log's scripts, run for real: on a lab that stays up, and on a container that has no `ip` and no right."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from private_engine import images
from private_engine.lab import Lab
from test_app import opened
from test_walk_change import ONE, OTHER, perform

from tui import labs
from tui.app import RoutetuiApp
from tui.core.changes.deed import Deed
from tui.core.labs import Lab as KernelLabFile
from tui.engines.base import Engine, EngineError
from tui.engines.docker.engine import DockerEngine
from tui.engines.kernel import kept

ROOT = Path(__file__).parent.parent


@pytest.fixture
def kept_lab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Engine]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    lab: KernelLabFile = labs.load("two-bridges")
    try:
        engine = kept.up(lab, persist=True)
    except EngineError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    yield engine
    engine.close()
    kept.down("two-bridges")


def run(script: str, folder: Path, **environment: str) -> None:
    """Run a script as a person would, with `routetui` on the path; it must succeed."""
    program = folder / "bin" / "routetui"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m tui "$@"\n')
    program.chmod(0o755)
    paths = f"{program.parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-s"],
        input=script,
        cwd=ROOT,
        env=os.environ | {"PATH": paths, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"


def routes(engine: Engine, *nodes: str) -> list[str]:
    """The prefixes through the router on these nodes."""
    world = engine.snapshot(fresh=True)
    found = [world.node(name) for name in nodes]
    return [each.dst.brief for node in found if node for each in node.routes if each.nexthops and each.dst.length == 16]


async def both_scripts(engine: Engine, **options: str) -> tuple[str, str]:
    """What the log offers after both routes were added through the app, which takes them back before it is left."""
    app = RoutetuiApp(engine, node="centos-net1", **options)  # type: ignore[arg-type]
    async with opened(app) as pilot:
        await perform(pilot, Deed(ONE))
        await perform(pilot, Deed(OTHER))
        return app.script(), app.script(undo=True)


async def test_a_kept_lab_s_script_runs_and_its_undo(kept_lab: Engine, tmp_path: Path) -> None:
    before = routes(kept_lab, "centos-net1", "centos-net2")
    does, undoes = await both_scripts(kept_lab, lab="two-bridges")
    with kept_attached() as again:
        after = routes(again, "centos-net1", "centos-net2")
        assert len(after) == len(before) + 2
        run(undoes, tmp_path)
        assert routes(again, "centos-net1", "centos-net2") == before
        run(does, tmp_path)
        assert routes(again, "centos-net1", "centos-net2") == after
        run(undoes, tmp_path)


class kept_attached:  # reads as a word of the test
    """The kept lab through a connection of its own, since the app closed the first."""

    def __enter__(self) -> Engine:
        self._engine = kept.attach("two-bridges")
        return self._engine

    def __exit__(self, *_: object) -> None:
        self._engine.close()


async def test_a_script_for_containers_without_ip_enters_their_network(
    lab: Lab, engine_by: Callable[..., DockerEngine], tmp_path: Path
) -> None:
    lab.network("net1", "172.19.0.0/16")
    lab.network("net2", "172.20.0.0/16")
    lab.container("centos-net1", {"net1": "172.19.0.2"}, images.BARE, cap_add=[])
    lab.container("centos-net2", {"net2": "172.20.0.2"}, images.BARE, cap_add=[])
    lab.container("centos-router", {"net1": "172.19.0.3", "net2": "172.20.0.3"}, sysctls={"net.ipv4.ip_forward": "1"})
    engine = engine_by()
    before = routes(engine, "centos-net1", "centos-net2")
    does, undoes = await both_scripts(engine)
    again = engine_by()
    after = routes(again, "centos-net1", "centos-net2")
    assert len(after) == len(before) + 2
    run(undoes, tmp_path, DOCKER_HOST=lab.url)
    assert routes(again, "centos-net1", "centos-net2") == before
    run(does, tmp_path, DOCKER_HOST=lab.url)
    assert routes(again, "centos-net1", "centos-net2") == after
