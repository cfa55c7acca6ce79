"""Everything a sandbox calls its own on this machine, derived from its name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from swarmkeeper.sandbox.errors import InvalidNameError, NoFreeSubnetError

# No dot: it parts the sandbox's name from the node's number.
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")

# Where sandboxes get their /24 from: a part of 10/8 that few use, then the benchmark range for
# machines whose VPN routes the whole of 10/8. Both are clear of Docker's own pools.
RANGES: Final = (IPv4Network("10.64.0.0/10"), IPv4Network("198.18.0.0/15"))

# Overlay networks live inside the nodes' namespaces only, so every sandbox may use the same.
OVERLAY_POOL: Final = "10.201.0.0/16"

MAX_NODES: Final = 50


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one sandbox's parts.

    Attributes:
        sandbox: The name it was given.
    """

    sandbox: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.sandbox):
            raise InvalidNameError(
                f"{self.sandbox!r} cannot be a sandbox's name: use up to 32 lower-case letters, "
                "digits and inner dashes"
            )

    @property
    def netns(self) -> str:
        """The namespace that holds the bridge and the registry."""
        return f"swk-{self.sandbox}"

    @property
    def link(self) -> str:
        """The one link in the root namespace; links have at most 15 characters."""
        return f"swk{hashlib.sha256(self.sandbox.encode()).hexdigest()[:10]}"

    def node_netns(self, number: int) -> str:
        """The network namespace of a node."""
        return f"{self.netns}.{number}"

    def cgroup(self, number: int) -> str:
        """The cgroup below which a node's containers live."""
        return f"swk-{self.sandbox}.{number}"

    def hostname(self, number: int) -> str:
        """The name under which a node joins the Swarm."""
        return f"{self.sandbox}-{number}"


def bridge_address(subnet: IPv4Network) -> IPv4Address:
    """Where the sandbox's bridge, and with it the registry, is."""
    return subnet[1]


def root_address(subnet: IPv4Network) -> IPv4Address:
    """Where the nodes reach the root namespace."""
    return subnet[254]


def node_address(subnet: IPv4Network, number: int) -> IPv4Address:
    """Where a node is."""
    return subnet[10 + number]


def choose_subnet(name: str, taken: Iterable[IPv4Network]) -> IPv4Network:
    """The first private /24, from a place that the name decides, that overlaps nothing taken.

    Raises:
        NoFreeSubnetError: All are taken.
    """
    used = list(taken)
    for subnet in _candidates(name):
        if not any(subnet.overlaps(other) for other in used):
            return subnet
    raise NoFreeSubnetError(
        f"this machine's routes cover all of {' and '.join(str(r) for r in RANGES)}: "
        "remove a route or another sandbox"
    )


def _candidates(name: str) -> Iterator[IPv4Network]:
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    for whole in RANGES:
        count = 1 << (24 - whole.prefixlen)
        first = int(whole.network_address)
        for step in range(count):
            yield IPv4Network((first + ((seed + step) % count << 8), 24))
