"""Running programs: never through a shell, always with a time-out."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence

from swarmkeeper.sandbox.errors import CommandError


def run(
    argv: Sequence[str],
    *,
    timeout: float = 30,
    stdin: str = "",
    env: Mapping[str, str] | None = None,
    folder: str | None = None,
) -> str:
    """Run a program to its end and return what it printed.

    Args:
        argv: The program, by absolute path, and its arguments.
        timeout: Seconds after which it is killed.
        stdin: What it reads; nothing by default.
        env: Its environment; ours by default.
        folder: Where it runs; where we do by default.

    Raises:
        CommandError: It is not there, failed, or took too long.
    """
    try:
        done = subprocess.run(
            argv,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            env=env,
            cwd=folder,
            check=False,
        )
    except FileNotFoundError as exc:
        raise CommandError(f"{argv[0]} is not installed") from exc
    except subprocess.TimeoutExpired as exc:
        raise CommandError(f"{' '.join(argv)} took longer than {timeout:g} s") from exc
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-2000:]
        raise CommandError(f"{' '.join(argv)} failed with {done.returncode}: {said}")
    return str(done.stdout)
