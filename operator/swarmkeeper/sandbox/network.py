"""A sandbox's wires: a bridge in a namespace of its own, a veth to each node and one to us.

The root namespace gets one link and the route that comes with its address; no rule of its
firewall and no sysctl is touched.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from ipaddress import IPv4Network
from pathlib import Path

from swarmkeeper.sandbox.command import run
from swarmkeeper.sandbox.errors import CommandError
from swarmkeeper.sandbox.names import Names, bridge_address, node_address, root_address
from swarmkeeper.sandbox.packages import IP, NSENTER


def taken() -> list[IPv4Network]:
    """The networks that this machine has a route to, the default route apart."""
    routes = json.loads(run([IP, "-json", "-4", "route", "show", "table", "all"]))
    targets = {str(route["dst"]) for route in routes} - {"default"}
    return [IPv4Network(target, strict=False) for target in targets]


def build(names: Names, subnet: IPv4Network) -> None:
    """Lay the bridge and the wire between it and the root namespace."""
    bridge, root = bridge_address(subnet), root_address(subnet)
    run([IP, "netns", "add", names.netns])
    _batch(
        names.netns,
        "link set lo up",
        "link add br0 type bridge",
        f"addr add {bridge}/24 dev br0",
        "link set br0 up",
    )
    _refuse_at_once(names.netns)
    run([IP, *f"link add {names.link} type veth peer name root netns {names.netns}".split()])
    _batch(names.netns, "link set root master br0 up")
    _batch(None, f"addr add {root}/24 dev {names.link}", f"link set {names.link} up")


def attach_node(names: Names, subnet: IPv4Network, number: int) -> None:
    """Give a node its namespace and wire it to the bridge."""
    netns = names.node_netns(number)
    run([IP, "netns", "add", netns])
    _batch(
        names.netns,
        f"link add n{number} type veth peer name eth0 netns {netns}",
        f"link set n{number} master br0 up",
    )
    _batch(
        netns,
        "link set lo up",
        f"addr add {node_address(subnet, number)}/24 dev eth0",
        "link set eth0 up",
        f"route add default via {bridge_address(subnet)}",
    )


def cut(names: Names, number: int) -> None:
    """Pull a node's plug."""
    _batch(names.netns, f"link set n{number} down")


def mend(names: Names, number: int) -> None:
    """Plug a node in again."""
    _batch(names.netns, f"link set n{number} up")


def is_cut(names: Names, number: int) -> bool:
    """Whether a node's plug is pulled."""
    links = json.loads(run([IP, "-json", "-n", names.netns, "link", "show", f"n{number}"]))
    return "UP" not in links[0]["flags"]


def remove(names: Names) -> None:
    """Take away every wire and namespace of a sandbox, however many there are."""
    with contextlib.suppress(CommandError):
        run([IP, "link", "delete", names.link])
    for netns in namespaces(names):
        # By hand first: a process that someone left in the namespace would keep them alive.
        if netns == names.netns:
            _delete_links(netns)
        with contextlib.suppress(CommandError):
            run([IP, "netns", "delete", netns])


def namespaces(names: Names) -> list[str]:
    """The namespaces that a sandbox has now, the bridge's last."""
    folder = Path("/run/netns")
    if not folder.is_dir():
        return []
    own = [entry.name for entry in folder.iterdir() if _belongs(entry.name, names)]
    return sorted(own, key=lambda name: (name == names.netns, name))


def has_link(names: Names) -> bool:
    """Whether the wire to the root namespace is there."""
    return Path(f"/sys/class/net/{names.link}").exists()


def _refuse_at_once(netns: str) -> None:
    """Let look-ups of names that nobody serves fail in no time, be they ever so many.

    The nodes' resolver is the bridge, where no one listens. The kernel says so to the first who
    ask, then, to limit its rate, to none: those would wait for 5 s.
    """
    # The settings seen in /proc are those of the namespace of who looks.
    setting = "/proc/sys/net/ipv4/icmp_ratelimit"
    shell = ["/bin/sh", "-euc", f"echo 0 >{setting}"]
    run([NSENTER, f"--net=/run/netns/{netns}", *shell])


def _belongs(netns: str, names: Names) -> bool:
    head, _, number = netns.partition(".")
    return head == names.netns and (not number or number.isdigit())


def _delete_links(netns: str) -> None:
    with contextlib.suppress(CommandError):
        for link in json.loads(run([IP, "-json", "-n", netns, "link", "show", "type", "veth"])):
            run([IP, "-n", netns, "link", "delete", link["ifname"]])


def _batch(netns: str | None, *commands: str) -> None:
    inside: Iterable[str] = ("-n", netns) if netns else ()
    run([IP, *inside, "-batch", "-"], stdin="\n".join(commands) + "\n")
