"""What `ip route get` answered: the text of iproute2, old and new, and of BusyBox, its JSON, and its refusals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tui.core.addresses import Address
from tui.core.names import integer
from tui.core.reading import lines_of
from tui.core.reading.prompts import is_prompt
from tui.core.reading.routes import read_ip_json, read_ip_route
from tui.core.refusals import ERRNO_TEXT
from tui.core.world import Route

_ERRNO = {text: name for name, text in ERRNO_TEXT.items()} | {
    "Network is down": "ENETDOWN",
    "Operation not permitted": "EPERM",
    "Operation not supported": "EOPNOTSUPP",
    "Cannot assign requested address": "EADDRNOTAVAIL",
    "Address family not supported by protocol": "EAFNOSUPPORT",
    "No such process": "ESRCH",
    "No such file or directory": "ENOENT",
    "File exists": "EEXIST",
}
"""strerror(3) texts, as `RTNETLINK answers:` prints them, and their names in errno(3)."""

_REFUSED = re.compile(r"^\s*(?:ip: )?RTNETLINK answers: (.*\S)\s*$")
_COMPLAINT = re.compile(
    r"^\s*(?:Error: .*|(?:ip: )?[Cc](?:annot|an't) find device .*|ip: .*|Device .* does not exist\.?|"
    r"Command line is not complete.*|Nothing to .*)$"
)
_NO_DEVICE = re.compile(r"find device|Device .* does not exist")


@dataclass(frozen=True, slots=True)
class Answer:
    """The kernel's answer to one lookup, in the words of `ip route get`; None or empty where it printed nothing.

    `dst` and `src` are what was asked, `prefsrc` the source that the node would use. `route` is the whole line read as
    a Route: of `get fibmatch` the entry of the table that matched, with its prefix and every next hop. A refusal has
    `error`, the text as printed, and `errno` by name (ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL, ENODEV) where the
    text is one that errno(3) has. `cache` has the flags in < > (local, redirected).
    """

    type: str = "unicast"
    dst: Address | None = None
    src: Address | None = None
    gateway: Address | None = None
    dev: str | None = None
    prefsrc: Address | None = None
    table: str | None = None
    metric: int | None = None
    iif: str | None = None
    mark: int = 0
    flags: tuple[str, ...] = ()
    cache: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    route: Route | None = None
    error: str | None = None
    errno: str | None = None


@dataclass(frozen=True, slots=True)
class AnswerReading:
    """Answers in the order in which they stood, refusals among them, and the lines that were not understood."""

    answers: tuple[Answer, ...] = ()
    unread: tuple[str, ...] = ()


def read_answer(text: str) -> Answer:
    """The one answer that a text holds. Where it holds none, an Answer whose `error` is what stood there instead."""
    reading = read_answers(text)
    if reading.answers:
        return reading.answers[0]
    return Answer(error=reading.unread[0].strip() if reading.unread else "Nothing was printed.")


def read_answers(text: str) -> AnswerReading:
    """Read what one or several `ip route get` printed, with -j, -o, -d, fibmatch or none of these."""
    answers: list[Answer] = []
    unread: list[str] = []
    for part in _parts(text):
        if isinstance(part, Answer):
            answers.append(part)
            continue
        read = read_ip_json if part.lstrip()[:1] in ("[", "{") else read_ip_route
        found = read(part, default_table="")
        answers += map(_answer, found.routes)
        unread += found.unread
    return AnswerReading(tuple(answers), tuple(unread))


def _parts(text: str) -> Iterator[str | Answer]:
    """The refusals of a text, and the text between them."""
    between: list[str] = []
    for line in lines_of(text):
        refusal = None if is_prompt(line) else _refusal(line)
        if refusal is None:
            between.append(line)
            continue
        yield "\n".join(between)
        between.clear()
        yield refusal
    yield "\n".join(between)


def _refusal(line: str) -> Answer | None:
    if match := _REFUSED.match(line):
        return Answer(error=match[1], errno=_ERRNO.get(match[1]))
    if _COMPLAINT.match(line):
        return Answer(error=line.strip(), errno="ENODEV" if _NO_DEVICE.search(line) else None)
    return None


def _answer(route: Route) -> Answer:
    said = dict(each.partition(" ")[::2] for each in route.attributes)
    cache = re.match(r"<([^>]*)>", said.get("cache", ""))
    return Answer(
        type=route.type,
        dst=route.dst.address,
        src=route.src.address if route.src is not None else None,
        gateway=route.gateway,
        dev=route.dev,
        prefsrc=route.prefsrc,
        table=route.table or None,
        metric=route.metric,
        iif=said.get("iif"),
        mark=integer(said.get("mark", ""), 0xFFFFFFFF) or 0,
        flags=route.nexthops[0].flags if route.nexthops else (),
        cache=tuple(cache[1].split(",")) if cache else (),
        words=route.words,
        route=route,
    )
