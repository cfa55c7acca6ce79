"""`kopf run`, unmodified, as a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.operator_process import eventually

HANDLERS = Path(__file__).parents[1] / "conformance" / "handlers"
STARTED = "Initial authentication has finished"
_WITHIN = 60.0  # seconds for anything: kopf is slow to start where many processes do


@dataclass
class KopfRun:
    """A running `kopf run`.

    Attributes:
        process: it.
        log: what it has said.
    """

    process: subprocess.Popen[bytes]
    log: Path

    def said(self) -> str:
        """All that it has said until now."""
        return self.log.read_text()

    def says(self, text: str, times: int = 1) -> None:
        """Waits until it has said something."""
        eventually(lambda: self._count(text) >= times, _WITHIN, f"kopf says {text!r}")

    def end(self) -> None:
        """SIGTERM; it must end by itself, and well."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(_WITHIN) == 0, self.said()

    def _count(self, text: str) -> int:
        assert self.process.poll() is None, self.said()
        return self.said().count(text)


@contextmanager
def kopf_run(
    handlers: str, kubeconfig: Path, *options: str, env: Mapping[str, str] | None = None
) -> Iterator[KopfRun]:
    """Runs a file of handlers until the block ends.

    Args:
        handlers: name of the file, without `.py`.
        kubeconfig: how it reaches the API.
        options: of the command line.
        env: more variables.
    """
    log = kubeconfig.with_name(f"kopf-{len(list(kubeconfig.parent.glob('kopf-*')))}.log")
    program = str(Path(sys.executable).with_name("kopf"))
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program, "run", *options, str(HANDLERS / f"{handlers}.py")],
            env={**os.environ, "KUBECONFIG": str(kubeconfig), **(env or {})},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    run = KopfRun(process, log)
    try:
        run.says(STARTED)
        yield run
        if process.poll() is None:
            run.end()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
