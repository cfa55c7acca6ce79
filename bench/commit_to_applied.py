"""From `git push` to the engine's acceptance of the change: the operator beside what people do by hand.

    python bench/commit_to_applied.py [--runs 30]

Both start the clock at `git push` of a commit that changes the replicas, in the same run, in turns:
the operator hears of it by a signed webhook from the repository's post-receive hook; by hand it is
`git pull && docker service update --detach`. Both end at the engine's own time stamp of the update.
Needs root.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import yaml
from swarm_bench import Engine, Updates, line, operator, service_document

from swarmkeeper.sandbox import Sandbox

KEPT, BY_HAND = "kept", "byhand"
IMAGE = "swarmkeeper/app:1"
HOOK = """#!/bin/sh
body='{{}}'
signature=$(printf %s "$body" | openssl dgst -sha256 -hmac {secret} -r | cut -d' ' -f1)
curl --silent --insecure --output /dev/null --max-time 5 -H "X-Signature: sha256=$signature" \\
  --data "$body" {url}/hooks/git
"""


def main() -> None:
    """Runs and prints both distributions and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=30)
    runs = parser.parse_args().runs
    with Sandbox.create("bench-commit") as sandbox, tempfile.TemporaryDirectory() as name:
        figures = measure(Path(name), sandbox.docker_host, runs)
    print(f"{'ms':24} {'p50':>9} {'p99':>9} {'max':>9}")
    print(line("pull and update by hand", figures[BY_HAND]))
    print(line("operator", figures[KEPT]))
    ratio = statistics.median(figures[KEPT]) / statistics.median(figures[BY_HAND])
    print(f"ratio of medians: {ratio:.2f}")


def measure(folder: Path, docker_host: str, runs: int) -> dict[str, list[float]]:
    """Seconds from the push to the accepted update, for both ways."""
    trees = {name: repository(folder, name) for name in (KEPT, BY_HAND)}
    pulled = folder / "pulled"
    git(folder, "clone", "-q", str(folder / f"{BY_HAND}.git"), str(pulled))
    (folder / "secret").write_text("bench-secret")
    engine, updates = Engine(docker_host), Updates(docker_host)
    engine.call(
        "POST",
        "/services/create",
        {"Name": BY_HAND, "TaskTemplate": {"ContainerSpec": {"Image": IMAGE, "Init": True}}},
    )
    found: dict[str, list[float]] = {KEPT: [], BY_HAND: []}
    source = ("--git", f"file://{folder / f'{KEPT}.git'}", "--source-interval", "1h")
    secret = ("--webhook-secret-file", str(folder / "secret"), "--port", "0")
    with operator(folder, docker_host, *source, *secret) as kubeconfig:
        server = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
        hook = folder / f"{KEPT}.git" / "hooks" / "post-receive"
        hook.write_text(HOOK.format(secret="bench-secret", url=server))  # noqa: S106
        hook.chmod(0o755)
        updates.wait(KEPT, 1)
        for run in range(runs):
            time.sleep(0.3)
            found[KEPT].append(push(trees[KEPT], KEPT, 1 + run % 2, updates))
            time.sleep(0.3)
            found[BY_HAND].append(
                push(trees[BY_HAND], BY_HAND, 2 - run % 2, updates, pulled, docker_host)
            )
    return found


def repository(folder: Path, name: str) -> Path:
    """A bare repository and a working tree with one service declared."""
    git(folder, "init", "-q", "--bare", "-b", "main", str(folder / f"{name}.git"))
    git(folder, "clone", "-q", str(folder / f"{name}.git"), str(folder / name))
    tree = folder / name
    git(tree, "switch", "-q", "--orphan", "main")
    commit(tree, name, 3)
    git(tree, "push", "-q", "origin", "main")
    return tree


def commit(tree: Path, name: str, replicas: int) -> None:
    """Commits a number of replicas."""
    limits = {"maxActions": 100000}
    document = service_document(name, image=IMAGE, replicas=replicas, init=True, limits=limits)
    (tree / "service.yaml").write_text(document)
    git(tree, "add", ".")
    git(tree, "commit", "-q", "-m", f"replicas {replicas}")


def push(
    tree: Path,
    name: str,
    replicas: int,
    updates: Updates,
    pulled: Path | None = None,
    docker_host: str = "",
) -> float:
    """Pushes, and by hand pulls and updates; seconds until the engine has accepted it."""
    before = updates.count(name)
    commit(tree, name, replicas)
    started = time.time_ns()
    git(tree, "push", "-q", "origin", "main")
    if pulled is not None:
        git(pulled, "pull", "-q")
        declared = yaml.safe_load((pulled / "service.yaml").read_text())["spec"]["replicas"]
        update = ["docker", "-H", docker_host, "service", "update", "-q", "--detach"]
        subprocess.run(
            [*update, "--replicas", str(declared), name], check=True, stdout=subprocess.DEVNULL
        )
    accepted: int = updates.wait(name, before + 1)[before]
    return (accepted - started) / 1e9


def git(folder: Path, *arguments: str) -> None:
    """Runs git in a folder."""
    identity = ("-c", "user.name=bench", "-c", "user.email=bench@example.org")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


if __name__ == "__main__":
    main()
