"""What several test files share: the private Docker Engine, and the walk-through on it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from private_engine import PrivateEngine, why_not
from private_engine.lab import Lab
from private_engine.lab import two_bridges as make_two_bridges

from tui import labs
from tui.engines.base import Engine, EngineError
from tui.engines.docker.engine import DockerEngine, connect
from tui.engines.docker.tables import RUNGS

# A shell that starts pytest in the background (tests/run does) has it ignore Ctrl-C, and all its children with it.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def private_engine() -> Iterator[PrivateEngine]:
    """A Docker Engine of the tests' own. It must start in CI; elsewhere its tests skip where it cannot."""
    if reason := why_not():
        if os.environ.get("CI"):
            pytest.fail(f"{reason} In CI every test must run.")
        pytest.skip(reason)
    with PrivateEngine() as engine:
        yield engine


@pytest.fixture(scope="session")
def docker_engine_url(private_engine: PrivateEngine) -> str:
    """The private engine's socket, as DOCKER_HOST has it."""
    return private_engine.url


@pytest.fixture(scope="module")
def two_bridges(docker_engine_url: str) -> Iterator[Lab]:
    """The walk-through for one file: centos-net1 - net1 - centos-router - net2 - centos-net2. Do not change it."""
    lab = Lab(docker_engine_url)
    try:
        make_two_bridges(lab)
        yield lab
    finally:
        lab.close()


@pytest.fixture
def lab(docker_engine_url: str) -> Iterator[Lab]:
    """A lab of one test: what it makes on the private engine is removed when the test ends."""
    made = Lab(docker_engine_url)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def engine_by(docker_engine_url: str) -> Iterator[Callable[..., DockerEngine]]:
    """Connects to the private engine with the rungs named, and closes it after the test."""
    opened: list[DockerEngine] = []

    def make(*rungs: str) -> DockerEngine:
        opened.append(connect(docker_engine_url, rungs=rungs or RUNGS))
        return opened[-1]

    yield make
    for engine in opened:
        engine.close()


@pytest.fixture
def kernel_lab() -> Iterator[Engine]:
    """The two-bridges lab on the kernel, ended after the test. It must come up in CI; elsewhere its tests may skip."""
    from tui.engines import kernel  # late: it needs Linux

    try:
        engine = kernel.start(labs.load("two-bridges"))
    except EngineError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    yield engine
    engine.close()
