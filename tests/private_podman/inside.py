"""Becomes `podman system service` in a directory, with all that Podman keeps in fixed places covered by its own.

`python inside.py DIRECTORY`, in mount and network namespaces that nothing leads out of.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from newer_engine.inside import MNT_DETACH, MS_BIND, call, mount
from private_engine import traces

CLONE_NEWNS, CLONE_NEWCGROUP = 0x00020000, 0x02000000
# Left to itself, Podman raises its containers' limits, which takes a capability that a caged machine lacks.
CONFIG = """[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
pids_limit = 0
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "{runtime}"
[network]
network_backend = "netavark"
network_config_dir = "{at}/networks"
"""
STORAGE = """[storage]
driver = "vfs"
runroot = "{at}/run"
graphroot = "{at}/root"
"""


def enter_groups(name: str) -> None:
    """Control groups of that name, by which containers are found from outside, as all that is seen of control groups.

    In the newer kind this process is in a group below: one with processes of its own passes no controllers on
    (cgroups(7)).
    """
    found = [line.split()[1:3] for line in Path("/proc/self/mounts").read_text().splitlines()]
    ones = [Path(point) for point, kind in found if kind == "cgroup"]
    twos = [Path(point) for point, kind in found if kind == "cgroup2"]
    for point in ones or twos:
        group = point / name
        group.mkdir()
        for rule in ("cpuset.mems", "cpuset.cpus"):
            if ones and (group / rule).exists():
                (group / rule).write_text((point / rule).read_text())
        (group / "cgroup.procs").write_text(str(os.getpid()))
    call("unshare", CLONE_NEWNS | CLONE_NEWCGROUP)
    for point in ones or twos:
        mount(str(point / name), point, None, MS_BIND)
    for point in twos:
        if ones:
            call("umount2", str(point).encode(), MNT_DETACH)  # crun takes one kind at a time only
        else:
            (point / "podman").mkdir()
            (point / "podman" / "cgroup.procs").write_text(str(os.getpid()))


def main() -> None:
    """Cover the fixed places, write the configuration, and become Podman."""
    at = Path(sys.argv[1])
    enter_groups(traces.cgroup_parent(at).lstrip("/"))
    for place in ("/run", "/var/lib"):
        mount("tmpfs", Path(place), "tmpfs", 0, b"mode=755")
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    runtime = next(each for each in ("crun", "runc") if shutil.which(each))
    (at / "containers.conf").write_text(CONFIG.format(at=at, runtime=runtime))
    (at / "storage.conf").write_text(STORAGE.format(at=at))
    (at / "tmp").mkdir()
    os.environ |= {"HOME": str(at), "TMPDIR": f"{at}/tmp", "CONTAINERS_CONF": f"{at}/containers.conf"}
    os.environ["CONTAINERS_STORAGE_CONF"] = f"{at}/storage.conf"
    own = ["--root", f"{at}/root", "--runroot", f"{at}/run", "--tmpdir", f"{at}/tmp", "--storage-driver", "vfs"]
    own += ["--cgroup-manager", "cgroupfs", "--events-backend", "file", "--network-backend", "netavark"]
    os.execvp("podman", ["podman", *own, "system", "service", "--time=0", f"unix://{at}/podman.sock"])


if __name__ == "__main__":
    main()
