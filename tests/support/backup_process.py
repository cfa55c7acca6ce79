"""An operator in a process of its own, to be killed: looks at one PostgresBackup again and again."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from desired_state.objects import ObjectRef
from support.backups import REF, engine
from support.harness import HandClock

if __name__ == "__main__":
    store = Path(sys.argv[1])
    operator, _ = engine(store, store.parent / "secrets", HandClock())
    runs = [ObjectRef(*name.split("/")) for name in sys.argv[2:]]
    while True:
        for ref in (*runs, REF):
            operator.run(ref)
        time.sleep(0.05)
