"""The sandbox itself: a whole Swarm that any process of root's can make, find and take away."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from types import TracebackType
from typing import Self

from swarmkeeper.sandbox import network, packages, registry, state, status, swarm, teardown
from swarmkeeper.sandbox.errors import (
    AlreadyUpError,
    NoSuchSandboxError,
    SandboxError,
)
from swarmkeeper.sandbox.images import Image, build
from swarmkeeper.sandbox.names import MAX_NODES, choose_subnet, root_address
from swarmkeeper.sandbox.node import Node
from swarmkeeper.sandbox.packages import Report
from swarmkeeper.sandbox.state import State

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A Swarm on this machine; as a context manager, one that goes at the end of the block.

    Attributes:
        state: What its folder says of it.
    """

    state: State

    @classmethod
    def create(
        cls,
        name: str = "default",
        *,
        nodes: int = 1,
        managers: int | None = None,
        images: Iterable[str] | None = None,
        report: Report = _logger.info,
    ) -> Self:
        """Make a sandbox and wait until its Swarm is ready.

        What a crash or a reboot left under that name is taken away first.

        Args:
            name: Lower-case letters, digits and inner dashes; one per machine.
            nodes: How many nodes.
            managers: How many of them are managers; 3 from three nodes on, else 1.
            images: What its registry has; everything there is a recipe for when None.
            report: Is told what takes time: packages installed, images built.

        Raises:
            AlreadyUpError: There is one of that name.
            SandboxError: Anything else that prevents it; nothing is left behind.
        """
        wanted = _checked(nodes, managers)
        packages.require_supported_machine()
        packages.ensure(packages.BASE, report)
        built = build(images, report)
        with contextlib.ExitStack() as held:
            with state.locked(state.root()):
                _take_name(name, held)
                made = State(name, str(_free_subnet(name)), nodes, wanted, state.boot_id())
                state.save(made)
            try:
                _bring_up(made, built)
            except BaseException:
                teardown.remove(name)
                raise
        return cls(made.completed())

    @classmethod
    def open(cls, name: str = "default") -> Self:
        """Find a sandbox that another process made.

        Raises:
            NoSuchSandboxError: There is none, or none since the machine was booted.
        """
        found = state.load(name)
        if found.stale or not found.up:
            why = "is from before a reboot" if found.stale else "is half-made"
            raise NoSuchSandboxError(
                f"sandbox {name!r} {why}: make it anew with `swarmkeeper sandbox up --name {name}`"
            )
        return cls(found)

    @property
    def name(self) -> str:
        """Its name."""
        return self.state.name

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Its nodes; the managers are the first of them."""
        return _nodes(self.state)

    @property
    def docker_host(self) -> str:
        """What DOCKER_HOST has to be to talk to its first manager."""
        return self.nodes[0].docker_host

    @property
    def address(self) -> IPv4Address:
        """The address of its first node: host-mode ports are published here."""
        return self.nodes[0].address

    @property
    def root_address(self) -> IPv4Address:
        """Where its nodes and containers reach a server of the root namespace."""
        return root_address(self.state.network)

    @property
    def netns(self) -> str:
        """The network namespace of its first node."""
        return self.nodes[0].netns

    @property
    def registry(self) -> str:
        """Its registry, as it stands before an image's name; ordinary names need no such thing."""
        return registry.address(self.state)

    def node(self, which: int | str) -> Node:
        """One of its nodes, by number or by name.

        Raises:
            NoSuchSandboxError: It has no such node.
        """
        for node in self.nodes:
            if str(which) in {str(node.number), node.name}:
                return node
        raise NoSuchSandboxError(
            f"sandbox {self.name!r} has no node {which!r}: it has 1 to {self.state.nodes}"
        )

    def status(self) -> tuple[status.NodeStatus, ...]:
        """How each of its nodes is, and how the Swarm sees it."""
        return status.of(self.nodes)

    def add_images(self, names: Iterable[str], report: Report = _logger.info) -> None:
        """Make more images available in it."""
        registry.add(self.state, build(names, report))

    def down(self) -> None:
        """Take it away; nothing happens when it is gone already."""
        down(self.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.down()


def names() -> list[str]:
    """The names of all sandboxes on this machine, half-made and stale ones too."""
    return state.names()


def down(name: str = "default") -> None:
    """Take away a sandbox in whatever state it is; nothing happens when there is none."""
    packages.require_supported_machine()
    if state.folder_of(name).exists():
        with state.locked(state.folder_of(name)):
            teardown.remove(name)
    elif teardown.leftovers(name):
        teardown.remove(name)


def _checked(nodes: int, managers: int | None) -> int:
    if not 1 <= nodes <= MAX_NODES:
        raise SandboxError(f"a sandbox has 1 to {MAX_NODES} nodes, not {nodes}")
    wanted = (3 if nodes >= 3 else 1) if managers is None else managers
    if not 1 <= wanted <= nodes:
        raise SandboxError(f"of {nodes} nodes, 1 to {nodes} can be managers, not {wanted}")
    return wanted


def _take_name(name: str, held: contextlib.ExitStack) -> None:
    """Make a name ours, taking away what a crash or a reboot left under it."""
    folder = state.folder_of(name)
    try:
        with state.locked(folder, wait=False):
            _require_free(name)
            teardown.remove(name)
        held.enter_context(state.locked(folder, wait=False))
    except BlockingIOError:
        raise AlreadyUpError(f"sandbox {name!r} is being made, or taken away, right now") from None


def _require_free(name: str) -> None:
    try:
        Sandbox.open(name)
    except SandboxError:
        return
    raise AlreadyUpError(
        f"sandbox {name!r} is up: use it, or take it away with "
        f"`swarmkeeper sandbox down --name {name}`"
    )


def _free_subnet(name: str) -> IPv4Network:
    used = network.taken()
    for other in state.names():
        # One that is just being taken away has no state; what is left of it is in the routes.
        with contextlib.suppress(SandboxError):
            used.append(state.load(other).network)
    return choose_subnet(name, used)


def _bring_up(made: State, built: tuple[Image, ...]) -> None:
    nodes = _nodes(made)
    network.build(made.names, made.network)
    registry.add(made, built)
    registry.start(made)
    for node in nodes:
        network.attach_node(made.names, made.network, node.number)
        node.boot()
    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(Node.wait, nodes))
    swarm.form(nodes, made.managers)
    registry.wait(made)
    state.save(made.completed())


def _nodes(made: State) -> tuple[Node, ...]:
    return tuple(Node(made, number) for number in range(1, made.nodes + 1))
