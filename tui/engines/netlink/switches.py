"""The sysctls of one network namespace, read by name below folders of /proc/sys/net that are kept open."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from functools import lru_cache

FOLDERS = ("ipv4", "ipv6", "bridge")
"""The folders of /proc/sys/net that are read."""
BRIDGING = ("net.bridge.bridge-nf-call-ip6tables", "net.bridge.bridge-nf-call-iptables")
"""Whether the frames that a bridge passes from port to port go through the rules of each family too."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_BRIDGE_NETFILTER = "/sys/module/br_netfilter"


class Switches:
    """What is read through it is that namespace's, from whichever thread; /proc/sys/net itself shows each its own."""

    def __init__(self, folders: Mapping[str, int]) -> None:
        """`folders` are descriptors of those of FOLDERS that the namespace has, opened in it; `close` closes them."""
        self._folders = dict(folders)

    @classmethod
    def here(cls) -> Switches:
        """Those of the calling thread's namespace; without /proc there are none."""
        found = {}
        for name in FOLDERS:
            with contextlib.suppress(OSError):
                found[name] = os.open(f"/proc/sys/net/{name}", _FOLDER)
        return cls(found)

    def read(self, name: str) -> int | None:
        """The value of a sysctl by its full name (net.ipv4.ip_forward), None where there is no such number."""
        folder, file = _place(name)
        try:
            number = os.open(file, os.O_RDONLY | os.O_CLOEXEC, dir_fd=self._folder(folder))
        except OSError:
            return None
        try:
            return int(os.read(number, 32))
        except (OSError, ValueError):
            return None
        finally:
            os.close(number)

    def bridging(self) -> tuple[tuple[str, int], ...]:
        """BRIDGING with their values. Without br_netfilter there are no such files, and no frame meets the rules: 0.

        Before Linux 5.3 one switch counted for all namespaces, and only the first one showed it: then they are unknown.
        """
        if "bridge" not in self._folders:
            return () if os.path.exists(_BRIDGE_NETFILTER) else tuple((name, 0) for name in BRIDGING)  # noqa: PTH110
        found = ((name, self.read(name)) for name in BRIDGING)
        return tuple((name, value) for name, value in found if value is not None)

    def close(self) -> None:
        """Let go of the folders."""
        while self._folders:
            os.close(self._folders.popitem()[1])

    def _folder(self, path: str) -> int:
        """A folder, kept open once used: the kernel hashes these names for all namespaces alike, so that each walk from
        the top passes by those of all the others.
        """
        if path not in self._folders:
            top, _, rest = path.partition("/")
            if not rest or top not in self._folders:
                raise FileNotFoundError(path)
            self._folders[path] = os.open(rest, _FOLDER, dir_fd=self._folders[top])
        return self._folders[path]


@lru_cache(maxsize=4096)
def _place(name: str) -> tuple[str, str]:
    """The kept folder of a sysctl and the file in it: a dot is a slash there, a slash a dot of a device's name."""
    path = name.removeprefix("net.").translate({46: 47, 47: 46})
    folder, _, file = path.rpartition("/")
    return (folder, file) if folder.endswith("/all") else (path.partition("/")[0], path.partition("/")[2])
