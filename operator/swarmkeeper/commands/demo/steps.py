"""What happens in the demo. Each step does something to the swarm and waits for the answer."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import Final

from swarmkeeper.commands.demo.api import condition
from swarmkeeper.commands.demo.database import cut_in_half, kept, too_old
from swarmkeeper.commands.demo.errors import DemoError
from swarmkeeper.commands.demo.example import Example
from swarmkeeper.commands.demo.narration import Result, milliseconds
from swarmkeeper.commands.demo.programs import run
from swarmkeeper.commands.demo.restore import rows_lost
from swarmkeeper.commands.demo.scene import Scene
from swarmkeeper.commands.demo.stream import flooded
from swarmkeeper.commands.demo.swarm import until
from swarmkeeper.commands.demo.website import renewed
from swarmkeeper.commands.tree import read

DEV, QA = "agent-dev", "agent-qa"
MORE: Final = 3
_NS: Final = 1e6


def adoption(scene: Scene) -> None:
    """The operator takes over what runs, and restarts none of it."""
    before = _tasks(scene)
    with scene.narrator.waiting("the operator keeps all services: taken over, none restarted"):
        until(lambda: _ready(scene) == len(scene.stack.tasks), "all objects to be Ready")
    if _tasks(scene) != before:
        raise DemoError("tasks were restarted when their services were taken over")


def commit(scene: Scene) -> None:
    """A commit changes the swarm."""
    narrator, service = scene.narrator, scene.stack.service(DEV)
    narrator.chapter("A commit changes the swarm")
    scene.repository.edit("agents.yaml", r"replicas: 2", f"replicas: {MORE}")
    narrator.quote(scene.repository.diff())
    narrator.shell("git commit -am 'One more developer' && git push")
    mark, began = scene.swarm.mark(), time.monotonic()
    scene.repository.push("One more developer")
    accepted, _ = scene.swarm.event(mark, "update", service, MORE)
    running = scene.swarm.until_running(service, MORE)
    _tell(scene, DEV, f"want {MORE}, got 2")
    _conclude(
        scene,
        Result(
            "a commit asks for 3 tasks of agent-dev",
            "scaled it",
            (accepted.seen - began) * 1000,
            (running - began) * 1000,
        ),
        "from the start of git push",
    )


def scaled_by_hand(scene: Scene) -> None:
    """Somebody scales a service by hand; it is put back."""
    narrator, service = scene.narrator, scene.stack.service(DEV)
    narrator.chapter("Somebody scales a service by hand")
    heal = _scale_by_hand(scene, service, MORE)
    _tell(scene, DEV, f"want {MORE}, got 0")
    what = f"agent-dev scaled to 0 by hand, {MORE} declared"
    _conclude(scene, Result(what, "scaled it back", *heal), "from the engine's event")


def removed_by_hand(scene: Scene) -> None:
    """Somebody removes a service by hand; it comes back as it was."""
    narrator, service = scene.narrator, scene.stack.service(QA)
    narrator.chapter("Somebody removes a service by hand")
    narrator.shell(f"docker service rm {service}")
    before, mark = scene.swarm.template(service), scene.swarm.mark()
    scene.swarm.docker("service", "rm", service)
    removed, mark = scene.swarm.event(mark, "remove", service)
    created, _ = scene.swarm.event(mark, "create", service)
    running = scene.swarm.until_running(service, scene.stack.tasks[QA])
    _tell(scene, QA, "created")
    if scene.swarm.template(service) != before:
        raise DemoError(f"{service} came back otherwise than it was")
    accepted = (created.engine_ns - removed.engine_ns) / _NS
    _conclude(
        scene,
        Result(
            "agent-qa removed by hand",
            "created it again, as it was",
            accepted,
            (running - removed.seen) * 1000,
        ),
        "from the engine's event",
    )


def broken_file(scene: Scene) -> None:
    """A commit breaks a file; it is refused with file:line, and everything keeps running."""
    narrator, service = scene.narrator, scene.stack.service(QA)
    narrator.chapter("A commit breaks a file")
    scene.repository.edit("agents.yaml", f"({QA}.*?)replicas: 1", r"\1replicas: -1")
    scene.repository.edit("agents.yaml", f"({QA}.*?)image:", r"\1imagee:")
    narrator.quote(scene.repository.diff())
    narrator.shell("git commit -am 'Tidy up' && git push")
    scene.repository.push("Tidy up")
    with narrator.waiting("the commit is refused"):
        until(lambda: "agents.yaml:" in _refusal(scene), "the refusal of the broken file")
    narrator.quote(_refusal(scene))
    narrator.say("swarmkeeper validate would have told before the push, all at once:")
    narrator.shell("swarmkeeper validate .")
    narrator.quote(_validate(scene))
    narrator.say("Meanwhile everything keeps running, and what was last declared is still kept:")
    heal = _scale_by_hand(scene, service, scene.stack.tasks[QA])
    what = "agent-qa scaled to 0 while its file is broken"
    result = Result(what, "scaled it back, by its last good declaration", *heal)
    scene.results.append(Result("a commit breaks agents.yaml", "refused it with file:line"))
    _conclude(scene, result, "from the engine's event")


def mended(scene: Scene) -> None:
    """The file is mended; the commit is in force."""
    narrator = scene.narrator
    narrator.shell("git revert HEAD && git push")
    scene.repository.revert()
    head = scene.repository.head
    with narrator.waiting("the mended commit is in force"):
        until(lambda: _in_force(scene) == head, "the mended commit to be in force")
        until(lambda: _ready(scene) == len(scene.stack.tasks), "all objects to be Ready again")
    scene.results.append(Result("the file is mended", "put the commit in force"))


def look(scene: Scene) -> None:
    """How to look at it all with kubectl."""
    narrator = scene.narrator
    narrator.chapter("Looking at it with kubectl")
    narrator.shell(f"export KUBECONFIG={scene.kubeconfig}")
    narrator.shell("kubectl get swarmservices")
    if shutil.which("kubectl"):
        kubectl = ("kubectl", "--kubeconfig", str(scene.kubeconfig))
        narrator.quote(run(*kubectl, "get", "swarmservices"))
        narrator.shell("kubectl get events --field-selector involvedObject.name=agent-dev")
        selector = ("--field-selector", "involvedObject.name=agent-dev")
        narrator.quote(run(*kubectl, "get", "events", *selector))
    else:
        narrator.quote(scene.api.table())
        narrator.say("(kubectl is not installed here: this came straight from the API)")
    narrator.say("also: kubectl describe svc orchestrator, kubectl get events --watch,")
    narrator.say("      kubectl wait --for=condition=Ready swarmservice --all")


def steps(example: Example) -> tuple[Callable[[Scene], None], ...]:
    """What can be shown, in order."""
    backups = () if "backups" in example.left_out else (kept, too_old, cut_in_half, rows_lost)
    website = () if "website" in example.left_out else (renewed,)
    services = (commit, scaled_by_hand, removed_by_hand, broken_file, mended)
    return (*services, flooded, *backups, *website, look)


def _scale_by_hand(scene: Scene, service: str, declared: int) -> tuple[float, float]:
    """Scales to 0, and gives the milliseconds until the correction and until all tasks run."""
    scene.narrator.shell(f"docker service scale {service}=0")
    mark = scene.swarm.mark()
    scene.swarm.docker("service", "scale", "--detach", f"{service}=0")
    by_hand, mark = scene.swarm.event(mark, "update", service, 0)
    corrected, _ = scene.swarm.event(mark, "update", service, declared)
    running = scene.swarm.until_running(service, declared)
    accepted = (corrected.engine_ns - by_hand.engine_ns) / _NS
    return accepted, (running - by_hand.seen) * 1000


def _conclude(scene: Scene, result: Result, clock: str) -> None:
    """Notes a result, and tells it."""
    scene.results.append(result)
    scene.narrator.say(
        f"healed: accepted by the engine after {milliseconds(result.accepted_ms)}, "
        f"running after {milliseconds(result.running_ms)} ({clock})"
    )


def _tell(scene: Scene, name: str, words: str) -> None:
    """Shows the operator's event on what it has done."""
    until(lambda: bool(scene.api.event_of(name, words)), f"an event of {name} with '{words}'")
    scene.narrator.quote(f"event  {scene.api.event_of(name, words)}")


def _ready(scene: Scene) -> int:
    return sum(condition(service, "Ready")[0] == "True" for service in scene.api.services())


def _tasks(scene: Scene) -> set[str]:
    names = map(scene.stack.service, scene.stack.tasks)
    return {task for name in names for task in scene.swarm.tasks(name)}


def _refusal(scene: Scene) -> str:
    status, message = condition(scene.api.source(), "Stalled")
    return message if status == "True" else ""


def _in_force(scene: Scene) -> str:
    source = scene.api.source()
    revision = str(source.get("status", {}).get("artifact", {}).get("revision", ""))
    ready = condition(source, "Ready")[0] == "True"
    return revision.rpartition(":")[2] if ready else ""


def _validate(scene: Scene) -> str:
    """What `swarmkeeper validate` prints for the broken tree."""
    return "\n".join(str(problem) for problem in read(scene.repository.tree).problems)
