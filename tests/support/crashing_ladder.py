"""One pass over a ladder, in a process that is killed the n-th time that it comes by a checkpoint.

python crashing_ladder.py FOLDER URL [CHECKPOINT N]

Without a URL of a Postgres database ("") the store is a SQLite file in the folder.
"""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from desired_state.objects import API_VERSION, ObjectRef
from support.harness import Harness
from support.ladder import LadderReconciler
from swarmkeeper.store.opening import Place

RUNGS = 3


def main(place: Place, die_at: tuple[str, int]) -> None:
    """Runs one pass, after a restart on the same data."""
    seen: Counter[str] = Counter()

    def checkpoint(name: str) -> None:
        seen[name] += 1
        if (name, seen[name]) == die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    ladder = LadderReconciler(place.data_dir / "world")
    reconcilers = {"Ladder": ladder}
    database = place.open()
    engine = Harness(checkpoint=checkpoint, reconcilers=reconcilers, database=database)
    ref = ObjectRef("Ladder", "a")
    if engine.objects.get(ref) is None:
        spec = {"rungs": RUNGS, "limits": {"maxActions": RUNGS}}
        metadata = {"name": "a"}
        document = {"apiVersion": API_VERSION, "kind": "Ladder", "metadata": metadata}
        engine.objects.create({**document, "spec": spec}, actor="test")
    engine.run(ref)
    database.close()


if __name__ == "__main__":
    at = (sys.argv[3], int(sys.argv[4])) if len(sys.argv) > 4 else ("", 0)
    main(Place(Path(sys.argv[1]), sys.argv[2]), at)
