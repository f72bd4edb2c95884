"""YAML text read as plain values with the line of each, and plain values written as YAML text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import yaml

from tui.core.labs import LabError
from tui.core.labs.entries import Path
from tui.core.text import clean

TEXT_LIMIT = 512 * 1024
"""The longest file that is read, in characters."""

VALUE_LIMIT = 20_000
"""The most values that a file may hold once its aliases are written out: a short file must not grow without end."""

_DEPTH_LIMIT = 60
_MERGE = "tag:yaml.org,2002:merge"
_CORE = "tag:yaml.org,2002:"


class Document(NamedTuple):
    """A file's values (dicts, lists, texts, numbers, truth values, None), and the line of each path, from 1."""

    value: object
    lines: dict[Path, int]


class _Loader(yaml.SafeLoader):
    """PyYAML with the words of YAML 1.2, as Compose reads them: `no`, `on` and `22:22` are texts."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(_CORE + _tag, re.compile(f"(?:{_pattern})\\Z"), list(_first))


def read_yaml(text: str) -> Document:
    """Read one YAML document. Raises LabError, one sentence with the line, for anything that is not a plain one.

    Refused are a key given twice, unknown tags, aliases that contain themselves or grow past VALUE_LIMIT. Merge keys
    (`<<: *base`) are followed. Nothing in the text can make an object of any other kind.
    """
    if len(text) > TEXT_LIMIT:
        raise LabError(f"the file is longer than {TEXT_LIMIT} characters: this is no lab.")
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise LabError(_sentence(error), mark.line + 1 if mark else None) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise LabError("a character here cannot stand in a YAML file; write it as an escape in quotes.", line) from None
    except RecursionError:
        raise LabError("the file is nested too deeply: this is no lab.") from None
    if node is None:
        raise LabError("the file is empty: write networks and services into it.")
    reader = _Reader()
    return Document(reader.value(node, ()), reader.lines)


def _sentence(error: yaml.MarkedYAMLError) -> str:
    problem, context = clean(error.problem or "it cannot be read"), clean(error.context or "")
    if "'\\t'" in problem:
        return "YAML takes no tabs to indent with: use spaces."
    return f"this is not YAML: {context}{', ' if context else ''}{problem}."


class _Reader:
    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self._open: set[int] = set()
        self._count = 0

    def value(self, node: yaml.Node, path: Path) -> object:
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        self._count += 1
        if self._count > VALUE_LIMIT:
            raise LabError(f"with its aliases written out the file has more than {VALUE_LIMIT} values.", line)
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node, line)
        if node.tag not in (_CORE + "map", _CORE + "seq"):
            raise LabError(f"the tag {clean(node.tag)!r} is not supported.", line)
        if id(node) in self._open or len(path) > _DEPTH_LIMIT:
            raise LabError("a value here contains itself, or is nested too deeply.", line)
        self._open.add(id(node))
        try:
            return self._mapping(node, path) if isinstance(node, yaml.MappingNode) else self._sequence(node, path)
        finally:
            self._open.discard(id(node))

    def _sequence(self, node: yaml.Node, path: Path) -> list[object]:
        return [self.value(each, (*path, index)) for index, each in enumerate(node.value)]

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, object]:
        result: dict[str, object] = {}
        merged: list[yaml.Node] = []
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag == _MERGE:
                merged += value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                raise LabError("a key must be a plain word.", line)
            key = clean(key_node.value)
            if key in result:
                raise LabError(f"the key {key!r} is given twice.", line)
            self.lines[*path, key] = line
            result[key] = self.value(value_node, (*path, key))
        for each in merged:
            if not isinstance(each, yaml.MappingNode):
                raise LabError("<<: takes a mapping, or a list of mappings.", each.start_mark.line + 1)
            for key, value in self._merged(each, path, result):
                result[key] = value
        return result

    def _merged(self, node: yaml.MappingNode, path: Path, known: Mapping[str, object]) -> Iterator[tuple[str, object]]:
        """The pairs of a merged mapping that are not there yet: its own keys lose against those written beside `<<`."""
        inner = _Reader()
        inner._count, inner._open = self._count, self._open
        values = inner.value(node, path)
        self._count = inner._count
        for key, value in values.items() if isinstance(values, dict) else ():
            if key not in known:
                depth = len(path) + 1
                self.lines.update((each, line) for each, line in inner.lines.items() if each[:depth] == (*path, key))
                yield key, value


def _scalar(node: yaml.ScalarNode, line: int) -> object:
    text, kind = node.value, node.tag.removeprefix(_CORE)
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind == "int" and len(text) < 30:
        number = text.lower()
        try:
            return int(number, 8 if "0o" in number else 16 if "0x" in number else 10)
        except ValueError:
            raise LabError(f"{clean(text)!r} is no whole number.", line) from None
    if kind not in ("str", "int", "float"):
        raise LabError(f"the tag {clean(node.tag)!r} is not supported.", line)
    # A fraction stays as it is written: none decides anything here, and 1.10 is a version, not a number.
    return clean(text)


def write_yaml(document: Mapping[str, Any]) -> str:
    """The values as YAML text that `read_yaml` reads back equal, in the order of their keys."""
    text: str = yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=110
    )
    return text


class _Dumper(yaml.SafeDumper):
    """Block style throughout, no aliases, and lists indented below their key."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        return super().increase_indent(flow, False)
