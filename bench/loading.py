"""How fast the desired state is read: a tree of N objects, and a git repository that changes.

    python bench/loading.py [--objects 5000] [--commits 20]

The tree is loaded with one object a file and with all in one file; the repository is local, read over
file://. Times are the median of several runs; memory is not looked at.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from desired_state.loader import load_tree
from desired_state.sources import GitSource, SourceConfig
from reconcilers.registry import scheme

DOCUMENT = """---
apiVersion: swarmkeeper.dev/v1alpha1
kind: SwarmService
metadata:
  name: s{number}
  labels: {{tier: agents}}
spec:
  image: registry.example.org/app:1.2
  replicas: 3
  interval: 30s
  env:
    LOG_LEVEL: info
    WORKERS: "4"
"""
RUNS = 5


def main() -> None:
    """Prints one line a measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=5000)
    parser.add_argument("--commits", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        loading(Path(folder), options.objects)
        fetching(Path(folder), options.commits)


def loading(folder: Path, count: int) -> None:
    """Loads trees of `count` objects."""
    documents = [DOCUMENT.format(number=number) for number in range(count)]
    many, one = folder / "many", folder / "one"
    many.mkdir()
    one.mkdir()
    (one / "all.yaml").write_text("".join(documents))
    for number, document in enumerate(documents):
        (many / f"{number}.yaml").write_text(document)
    kinds = scheme()
    for name, root in (("a file each", many), ("one file", one)):
        assert len(load_tree(root, kinds).objects) == count
        report(f"load {count} objects, {name}", partial(load_tree, root, kinds))


def fetching(folder: Path, commits: int) -> None:
    """Fetches an unchanged repository, and one with a new commit each time."""
    repository = folder / "repository"
    git(folder, "init", "--quiet", "--initial-branch=main", str(repository))
    source = GitSource(SourceConfig(url=f"file://{repository}"), folder / "state")

    def commit(number: int) -> None:
        (repository / "a.yaml").write_text(DOCUMENT.format(number=number))
        git(repository, "add", "--all")
        identity = ("-c", "user.name=bench", "-c", "user.email=bench@example.org")
        git(repository, *identity, "commit", "--quiet", "--message", str(number))

    commit(0)
    source.fetch()
    report("fetch, nothing new", source.fetch, runs=commits)
    times = []
    for number in range(1, commits + 1):
        commit(number)
        times.append(timed(source.fetch))
    print(f"{'fetch, a new commit':40} {statistics.median(times) * 1000:8.1f} ms")


def report(name: str, work: Callable[[], object], runs: int = RUNS) -> None:
    """Prints the median time of some work."""
    median = statistics.median(timed(work) for _ in range(runs))
    print(f"{name:40} {median * 1000:8.1f} ms")


def timed(work: Callable[[], object]) -> float:
    """Seconds that some work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def git(folder: Path, *arguments: str) -> None:
    """Runs git."""
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


if __name__ == "__main__":
    main()
