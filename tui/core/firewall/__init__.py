"""The packet filters of a node: read from what iptables and nft print, and followed to the rule that decides."""

from tui.core.firewall.evidence import Rise, rose
from tui.core.firewall.hooks import Said, at_hook
from tui.core.firewall.values import Chain, FilterRule, FilterSet, Ruleset, Table

__all__ = ["Chain", "FilterRule", "FilterSet", "Rise", "Ruleset", "Said", "Table", "at_hook", "rose"]
