"""The keys of a Compose file: those that decide routing, those that have no part in it, and those that are refused."""

from __future__ import annotations

_TOP = "name networks services x-routetui"
_TOP_IGNORED = "version volumes secrets configs models"
_NETWORK = "driver driver_opts ipam internal external enable_ipv4 enable_ipv6 name attachable labels"
_LINK = """
aliases driver_opts gw_priority interface_name ipv4_address ipv6_address link_local_ips mac_address priority
"""
_SERVICE = """
build cap_add command container_name deploy depends_on entrypoint image links mac_address network_mode networks
post_start privileged profiles scale sysctls
"""
_SERVICE_IGNORED = """
annotations attach blkio_config cap_drop cgroup cgroup_parent configs cpu_count cpu_percent cpu_period cpu_quota
cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec develop device_cgroup_rules devices dns dns_opt
dns_search domainname env_file environment expose external_links extra_hosts gpus group_add healthcheck hostname
init ipc isolation label_file labels logging mem_limit mem_reservation mem_swappiness memswap_limit models
oom_kill_disable oom_score_adj pid pids_limit platform ports pre_stop pull_policy read_only restart runtime secrets
security_opt shm_size stdin_open stop_grace_period stop_signal storage_opt tmpfs tty ulimits use_api_socket user
userns_mode uts volumes volumes_from working_dir
"""
_HOOK = "command user privileged working_dir environment per_replica"

TOP_IGNORED = frozenset(_TOP_IGNORED.split())
SERVICE_IGNORED = frozenset(_SERVICE_IGNORED.split())
TOP_REFUSED = {"include": "put everything into one file.", "extends": "write the service out."}
SERVICE_REFUSED = {
    "extends": "put what it takes from the other service here.",
    "provider": "a lab can only hold containers.",
    "net": "write network_mode.",
}
TOP = (*_TOP.split(), *TOP_IGNORED, *TOP_REFUSED)
NETWORK = tuple(_NETWORK.split())
LINK = tuple(_LINK.split())
SERVICE = (*_SERVICE.split(), *SERVICE_IGNORED, *SERVICE_REFUSED)
HOOK = tuple(_HOOK.split())
STORY = ("title", "text", "steps", "expect", "solution", "goal")
EXPECTATION = ("from", "to", "reachable", "outcome", "via", "route")
