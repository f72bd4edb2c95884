"""The house's one rule of imports: core <- engines <- app and command line -> panels -> core."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "tui"
_IMPURE = """
asyncio atexit concurrent contextvars ctypes datetime faulthandler fcntl fileinput glob http importlib io
logging mmap multiprocessing os pathlib pickle platform pty queue random resource runpy sched secrets select
selectors shelve shutil signal socket socketserver sqlite3 ssl subprocess sys syslog tempfile termios
threading time tty urllib uuid webbrowser _thread
"""
IMPURE = frozenset(_IMPURE.split())
"""Standard modules that know a clock, files, threads, processes, the network or chance."""
IMPURE_CALLS = {"open", "print", "input", "breakpoint", "exec", "eval", "__import__"}

LAYERS = {
    # layer: (what it may import of tui, which libraries; None: any but those that FORBIDDEN names)
    "core": ({"core"}, {"netaddr"}),
    "engines": ({"core", "engines"}, None),
    "panels": ({"core", "panels"}, {"textual", "rich", "netaddr"}),
    "app": ({"core", "engines", "panels", "app"}, None),
}
FORBIDDEN = {"engines": {"textual", "rich"}, "app": set()}


def layer(module: str) -> str:
    """The layer of a module such as tui.core.world; what lies beside the packages belongs to the app."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in LAYERS else "app"


def imports(module: str, tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Every import anywhere in a module: its line and the full name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = ".".join(module.split(".")[: -node.level]) if node.level else ""
            base = ".".join(part for part in (package, node.module) if part)
            yield from ((node.lineno, f"{base}.{name.name}") for name in node.names)


def violations(module: str, source: str) -> list[str]:
    """What a module does against the rule, one sentence each."""
    tree, here = ast.parse(source), layer(module)
    own, libraries = LAYERS[here]
    found = []
    for line, name in imports(module, tree):
        top = name.partition(".")[0]
        if top == "tui":
            # `tui` itself holds the version alone, which anything may read.
            allowed = name.split(".")[1:2] in ([], ["__version__"]) or layer(name) in own
        elif top in sys.stdlib_module_names:
            allowed = here != "core" or top not in IMPURE
        else:
            allowed = top in libraries if libraries is not None else top not in FORBIDDEN[here]
        if not allowed:
            found.append(f"{module}:{line} ({here}) imports {name}")
    if here == "core":
        found += [f"{module}:{line} (core) calls {name}()" for line, name in impure_calls(tree)]
    return found


def impure_calls(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Calls of built-in functions that reach outside."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in IMPURE_CALLS:
            yield node.lineno, node.func.id


def modules() -> list[Path]:
    return sorted(ROOT.rglob("*.py"))


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_keeps_the_rule(path: Path) -> None:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    module = ".".join(parts)
    assert violations(module, path.read_text()) == []


def test_all_layers_are_there() -> None:
    assert {"core", "engines", "app"} <= {layer(".".join(path.relative_to(ROOT.parent).parts)) for path in modules()}


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("tui.core.world", "import time"),
        ("tui.core.world", "from os import path"),
        ("tui.core.world", "def read():\n    import pathlib"),
        ("tui.core.world", "import docker"),
        ("tui.core.world", "from textual.app import App"),
        ("tui.core.world", "from tui.engines import base"),
        ("tui.core.world", "from tui import engines"),
        ("tui.core.world", "from ..engines.base import clean"),
        ("tui.core.world", "from .. import panels"),
        ("tui.core.world", "text = open('/etc/hosts').read()"),
        ("tui.core.world", "if TYPE_CHECKING:\n    from tui.engines.base import Engine"),
        ("tui.engines.docker.engine", "import textual"),
        ("tui.engines.docker.engine", "from rich.text import Text"),
        ("tui.engines.docker.engine", "from tui.panels import routes"),
        ("tui.engines.docker.engine", "from tui.app import App"),
        ("tui.engines.docker.engine", "import tui.cli"),
        ("tui.panels.routes", "from tui.engines.base import EngineError"),
        ("tui.panels.routes", "from tui import app"),
        ("tui.panels.routes", "import docker"),
    ],
)
def test_a_break_of_the_rule_is_found(module: str, source: str) -> None:
    assert len(violations(module, source)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        (
            "tui.core.world",
            "from netaddr import INET_PTON\nimport dataclasses\nfrom tui.core.addresses import A",
        ),
        ("tui.core.world", "from .addresses import Address"),
        (
            "tui.engines.docker.engine",
            "import socket, docker\nfrom tui.core.world import World\nfrom tui.engines import base",
        ),
        ("tui.panels.routes", "from textual.widget import Widget\nfrom tui.core.world import World\nimport time"),
        (
            "tui.app",
            "from tui.engines.base import Engine\nfrom tui.panels import routes\nfrom tui import __version__",
        ),
        ("tui.cli", "from tui.app import App\nfrom tui.core import world\nimport os"),
    ],
)
def test_what_the_rule_allows_passes(module: str, source: str) -> None:
    assert violations(module, source) == []
