"""`swarmkeeper demo`: sets the scene, plays the steps, clears everything away."""

from __future__ import annotations

import secrets
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Final

import typer

from swarmkeeper.commands.demo import database, kept
from swarmkeeper.commands.demo.authority import Authority
from swarmkeeper.commands.demo.errors import DemoError
from swarmkeeper.commands.demo.ground import EngineGround, Ground, SandboxGround
from swarmkeeper.commands.demo.narration import Narrator
from swarmkeeper.commands.demo.operator import OperatorProcess
from swarmkeeper.commands.demo.repository import Repository
from swarmkeeper.commands.demo.scene import Scene
from swarmkeeper.commands.demo.stack import Stack
from swarmkeeper.commands.demo.steps import adoption, steps
from swarmkeeper.commands.demo.swarm import SwarmView

_INTERRUPTS: Final = (signal.SIGINT, signal.SIGTERM)

Keep = Annotated[
    bool, typer.Option("--keep", help="Leave everything running, and say how to go on.")
]
End = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="End a demo that was kept, and nothing else.")
]
DockerHost = Annotated[
    str,
    typer.Option(
        envvar="DOCKER_HOST",
        help="Use this Swarm manager, touching only what the demo creates, instead of a sandbox.",
    ),
]


def command(docker_host: DockerHost = "", keep: Keep = False, end: End = None) -> int:
    """Shows the whole loop on a real Swarm, step by step.

    A commit changes the swarm; changes by hand are put back; a broken file is refused while everything
    keeps running; a long stream, bad backups and an old certificate are mended. Ctrl-C clears everything
    away. Exit codes: 0 every step truly worked, 1 one did not.
    """
    narrator = Narrator()
    if end is not None:
        kept.end(end.resolve(), narrator)
        return 0
    ground: Ground = (
        EngineGround(docker_host) if docker_host else SandboxGround(f"demo-{secrets.token_hex(2)}")
    )
    with _signals() as ignore_further, ExitStack() as clearing:
        try:
            _play(narrator, ground, clearing, keep=keep)
        finally:
            ignore_further()
    return 0


def _play(narrator: Narrator, ground: Ground, clearing: ExitStack, *, keep: bool) -> None:
    folder = Path(tempfile.mkdtemp(prefix="swarmkeeper-demo-"))
    clearing.callback(shutil.rmtree, folder, ignore_errors=True)
    narrator.chapter("A Swarm, and on it the example system")
    clearing.callback(ground.clear, narrator)
    ground.prepare(narrator, folder)
    operator, authority = OperatorProcess(folder), Authority(ground.stack.example)
    clearing.callback(authority.stop)
    clearing.callback(_stop, narrator, operator)
    with SwarmView(ground.docker_host) as swarm:
        _deploy(narrator, ground.stack, swarm, authority)
        scene = _scene(narrator, ground, swarm, operator, authority)
        _steps(scene, operator)
    if keep:
        kept.keep(folder, ground, operator, authority)
        kept.explain(narrator, folder, ground, operator)
        clearing.pop_all()
    narrator.summary(scene.results)


def _deploy(narrator: Narrator, stack: Stack, swarm: SwarmView, authority: Authority) -> None:
    if "website" not in stack.example.left_out:
        with narrator.waiting("a CA (Pebble), and a certificate that somebody made by hand"):
            authority.start()
            authority.publish_by_hand()
    with narrator.waiting(f"docker stack deploy {stack.name}: {len(stack.tasks)} services run"):
        stack.deploy(swarm)
        database.fill(stack)


def _stop(narrator: Narrator, operator: OperatorProcess) -> None:
    if operator.pid:
        with narrator.waiting("the operator has stopped"):
            operator.stop()


def _steps(scene: Scene, operator: OperatorProcess) -> None:
    try:
        adoption(scene)
        for step in steps(scene.stack.example):
            step(scene)
    except DemoError as error:
        scene.narrator.quote(operator.last_words())
        raise DemoError(f"the demo failed: {error}") from error


def _scene(
    narrator: Narrator,
    ground: Ground,
    swarm: SwarmView,
    operator: OperatorProcess,
    authority: Authority,
) -> Scene:
    """Makes the repository, starts the operator on it, and ties the two together."""
    narrator.chapter("A git repository, and an operator that follows it")
    repository, example = Repository(ground.stack.example.folder), ground.stack.example
    repository.create(example.desired_state())
    narrator.say(f"desired state: {repository.tree}, pushed to {repository.url}")
    narrator.shell(f"swarmkeeper run --git {repository.url} --webhook-secret-file …")
    with narrator.waiting("the operator's Kubernetes API answers"):
        website = "website" not in example.left_out
        ground.stack.give_secrets(operator.secrets, **(authority.trusted() if website else {}))
        api = operator.start(
            ground.docker_host,
            repository.url,
            certificates=example.certificates,
            acme_host=example.here,
            acme_port=example.responder_port,
        )
    repository.call(api, operator.secret)
    return Scene(narrator, swarm, ground.stack, repository, api, operator.kubeconfig)


@contextmanager
def _signals() -> Iterator[Callable[[], None]]:
    """Lets SIGTERM clear everything away, as Ctrl-C does; gives a way to shut out further ones."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    def ignore_further() -> None:
        for number in before:
            signal.signal(number, signal.SIG_IGN)

    before = {number: signal.signal(number, interrupt) for number in _INTERRUPTS}
    try:
        yield ignore_further
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
