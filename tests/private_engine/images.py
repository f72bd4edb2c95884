"""Images for the tests, made of this machine's own programs: there is no registry to pull from."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

import docker

FULL = "routetui-test:full"
BUSYBOX = "routetui-test:busybox"
PLAIN = "routetui-test:plain"
IP_ONLY = "routetui-test:ip-only"
BARE = "routetui-test:bare"

APPLETS = ("sh", "ip", "cat", "sleep", "ls", "ping", "traceroute", "route", "netstat", "timeout", "kill", "ps", "nc")
CONTENTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    # name: programs of this machine, then links to BusyBox
    FULL: (
        ("dash", "ip", "ping", "traceroute", "tcpdump", "cat", "sleep", "timeout", "busybox"),
        ("ls", "kill", "ps", "nc", "route", "netstat"),
    ),
    BUSYBOX: (("busybox",), APPLETS),
    PLAIN: (("dash", "cat", "sleep"), ()),
    IP_ONLY: (("ip", "sleep"), ()),
    BARE: (("sleep",), ()),
}
"""FULL has iproute2; BUSYBOX its own `ip`, without -j; PLAIN a shell but no `ip`; IP_ONLY no shell; BARE nothing."""

CHANGES = ['CMD ["sleep", "infinity"]', "ENV PATH=/usr/bin:/bin:/usr/sbin:/sbin"]


def make_all(url: str) -> None:
    """Import every image into the engine at `url`."""
    client = docker.APIClient(base_url=url, timeout=60)
    try:
        for name, (programs, links) in CONTENTS.items():
            repository, _, tag = name.partition(":")
            said = client.import_image_from_data(_archive(programs, links), repository, tag, changes=CHANGES)
            # Podman 4.3 calls what it imports :latest.
            client.tag(json.loads(said.split("\n")[0])["status"], repository, tag)
    finally:
        client.close()


def _archive(programs: Sequence[str], links: Sequence[str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        added: set[str] = set()
        for program in programs:
            source = shutil.which(program, path="/usr/bin:/bin:/usr/sbin:/sbin")
            assert source, f"{program} is not installed"
            name = "sh" if program == "dash" else program
            _add(archive, Path(source), f"/usr/bin/{name}", added)
            for library in _libraries(source):
                _add(archive, Path(library), library, added)
        for link in links:
            _link(archive, f"/usr/bin/{link}", "busybox")
        if "tcpdump" in programs:  # it gives up root for a user of its own, who must be there
            _text(archive, "/etc/passwd", "root:x:0:0:root:/:/bin/sh\ntcpdump:x:100:100::/:/bin/sh\n")
            _text(archive, "/etc/group", "root:x:0:\ntcpdump:x:100:\n")
        if "/usr/bin/sh" in added or "sh" in links:
            _link(archive, "/bin/sh", "/usr/bin/sh")
    return buffer.getvalue()


def _add(archive: tarfile.TarFile, source: Path, name: str, added: set[str]) -> None:
    if name not in added:
        added.add(name)
        archive.add(source.resolve(), name)


def _text(archive: tarfile.TarFile, name: str, text: str) -> None:
    file = tarfile.TarInfo(name)
    file.size = len(text)
    archive.addfile(file, io.BytesIO(text.encode()))


def _link(archive: tarfile.TarFile, name: str, target: str) -> None:
    link = tarfile.TarInfo(name)
    link.type, link.linkname = tarfile.SYMTYPE, target
    archive.addfile(link)


def _libraries(program: str) -> list[str]:
    """The shared libraries and the loader that a program needs, as `ldd` names them; none for a static one."""
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    return re.findall(r"(/\S+) \(0x", said.stdout)
