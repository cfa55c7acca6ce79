"""`swarmkeeper sandbox`: the sandbox by hand."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from swarmkeeper.sandbox import sandbox as library
from swarmkeeper.sandbox.errors import AlreadyUpError, SandboxError
from swarmkeeper.sandbox.node import Node
from swarmkeeper.sandbox.packages import require_supported_machine
from swarmkeeper.sandbox.sandbox import Sandbox

app = typer.Typer(help="A real, throw-away Docker Swarm on this machine.", no_args_is_help=True)
node_app = typer.Typer(help="Do to a node what happens to nodes.", no_args_is_help=True)
app.add_typer(node_app, name="node")

Name = Annotated[str, typer.Option("--name", "-n", help="Which sandbox.")]
NodeName = Annotated[str, typer.Argument(metavar="NODE", help="Its number, from 1, or its name.")]


@app.command()
def up(
    name: Name = "default",
    nodes: Annotated[int, typer.Option(help="How many nodes.")] = 1,
    managers: Annotated[
        int | None, typer.Option(help="How many are managers: by default 3 of three or more, or 1.")
    ] = None,
    images: Annotated[
        list[str] | None, typer.Option(help="An image its registry shall have: by default all.")
    ] = None,
) -> None:
    """Make a Swarm; nothing happens when it is up already."""
    with _in_words():
        try:
            made = Sandbox.create(
                name, nodes=nodes, managers=managers, images=images or None, report=_note
            )
        except AlreadyUpError:
            made = _same(name, nodes, managers)
            _note(f"sandbox {name!r} is up already")
        _note(f'now: eval "$(swarmkeeper sandbox env --name {made.name})"')


@app.command()
def down(
    name: Name = "default",
    every: Annotated[bool, typer.Option("--all", help="All sandboxes of this machine.")] = False,
) -> None:
    """Take a Swarm away, in whatever state it is, and all that belongs to it."""
    with _in_words():
        for one in library.names() if every else [name]:
            library.down(one)
            _note(f"sandbox {one!r} is gone")


@app.command()
def status(name: Name = "default") -> None:
    """Show the nodes; the exit code is 0 only if all is well."""
    with _in_words():
        found = Sandbox.open(name).status()
    table = Table("NODE", "MACHINE", "ROLE", "SWARM", "ADDRESS", "SOCKET", box=None)
    for one in found:
        node = one.node
        table.add_row(
            node.name, one.state, one.role, one.swarm, str(node.address), str(node.socket)
        )
    Console(width=max(120, Console().width)).print(table)
    raise typer.Exit(0 if all(one.well for one in found) else 1)


@app.command(name="list")
def list_() -> None:
    """Show the names of all sandboxes of this machine."""
    with _in_words():
        for name in library.names():
            typer.echo(name)


@app.command()
def env(name: Name = "default") -> None:
    """Print what a shell has to evaluate for `docker` and `swarmkeeper` to use the Swarm."""
    with _in_words():
        found = Sandbox.open(name)
    typer.echo(f"export DOCKER_HOST={found.docker_host}")
    typer.echo(f"export SWARMKEEPER_SANDBOX_ADDRESS={found.address}")
    typer.echo(f"# Ports published in host mode: http://{found.address}:PORT, also from here.")
    typer.echo(f"# Push images of your own to {found.registry}.")


@app.command("exec", context_settings={"ignore_unknown_options": True})
def exec_(
    command: Annotated[list[str], typer.Argument(help="The program and its arguments.")],
    name: Name = "default",
    node: Annotated[str, typer.Option(help="In which node's network: number or name.")] = "1",
) -> None:
    """Run a program of this machine in a node's network, where published ports are on 127.0.0.1."""
    with _in_words():
        place = Sandbox.open(name).node(node)
    line = place.command(command)
    os.execve(line[0], line, {**os.environ, "DOCKER_HOST": place.docker_host})  # noqa: S606


@node_app.command("power-off")
def power_off(node: NodeName, name: Name = "default") -> None:
    """Cut a node's power: its containers are gone at once, its disk stays."""
    _do(name, node, Node.power_off, "off")


@node_app.command("power-on")
def power_on(node: NodeName, name: Name = "default") -> None:
    """Switch a node on and wait for its engine."""
    _do(name, node, Node.power_on, "on")


@node_app.command()
def freeze(node: NodeName, name: Name = "default") -> None:
    """Hold a node's daemon: it accepts connections and never answers."""
    _do(name, node, Node.freeze, "frozen")


@node_app.command()
def thaw(node: NodeName, name: Name = "default") -> None:
    """Let a frozen node go on."""
    _do(name, node, Node.thaw, "thawed")


@node_app.command()
def partition(node: NodeName, name: Name = "default") -> None:
    """Cut a node off from all others; its containers run on."""
    _do(name, node, Node.partition, "cut off")


@node_app.command()
def heal(node: NodeName, name: Name = "default") -> None:
    """Connect a node again."""
    _do(name, node, Node.heal, "connected")


def _do(name: str, node: str, action: Callable[[Node], None], outcome: str) -> None:
    with _in_words():
        found = Sandbox.open(name).node(node)
        action(found)
        _note(f"node {found.name} is {outcome}")


def _same(name: str, nodes: int, managers: int | None) -> Sandbox:
    """The sandbox that is up, if it is the one that was asked for."""
    found = Sandbox.open(name)
    state = found.state
    if nodes != state.nodes or managers not in {None, state.managers}:
        raise SandboxError(
            f"sandbox {name!r} is up with {state.nodes} nodes, {state.managers} of them "
            f"managers: take it away first, or give another --name"
        )
    return found


def _note(message: str) -> None:
    typer.echo(message, err=True)


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    """Say what is wrong instead of showing a traceback."""
    try:
        require_supported_machine()
        yield
    except SandboxError as exc:
        _note(f"error: {exc}")
        raise typer.Exit(1) from exc
