"""One transaction of psql that we lead: what goes into it is committed whole, or not at all.

psql reads from a pipe of ours. Whoever is killed in between (we, psql, pg_restore, the server), nobody
has said COMMIT, so the database stays as it was and nothing is left to be put right.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import IO, Final, Self, cast

from swarmkeeper.adapters.postgres.children import Leash, end, last_line, tied
from swarmkeeper.adapters.postgres.connection import Access, told
from swarmkeeper.runtime.backups import BackupError

_POLL: Final = 0.2
_GRACE: Final = 5.0  # seconds that psql gets to say why it has ended
_MARK: Final = "-- swarmkeeper: done --"


@dataclass(slots=True)
class Transaction:
    """The session of one psql.

    Attributes:
        access: to the database.
        psql: path of the program.
        leash: what ends it early.
        meanwhile: called again and again while psql works; may raise BackupError.
    """

    access: Access
    psql: str
    leash: Leash
    meanwhile: Callable[[], None] = lambda: None
    _process: subprocess.Popen[bytes] = field(init=False)
    _said: IO[bytes] = field(init=False)

    def __enter__(self) -> Self:
        """Connects; no transaction has begun."""
        self._said = tempfile.TemporaryFile()
        words = [self.psql, "--no-psqlrc", "--quiet", "--no-align", "--tuples-only"]
        words += ["--no-password", "--set=ON_ERROR_STOP=1", f"--dbname={self.access.dsn}"]
        self._process = subprocess.Popen(
            [*tied(), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env={"PATH": os.defpath, "LC_ALL": "C", **self.access.env},
            start_new_session=True,
            bufsize=0,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends psql: what was not committed is undone."""
        with suppress(OSError):
            cast(IO[bytes], self._process.stdin).close()
        end(self._process)
        self._said.close()

    def ask(self, text: str) -> str:
        """Runs statements, or commands of psql, and gives what they print.

        Raises:
            BackupError: the server refuses, or it was ended early.
        """
        stdin = cast(IO[bytes], self._process.stdin)
        try:
            stdin.write(f"{text}\n\\echo {_MARK}\n".encode())
        except OSError:
            raise self._error() from None
        return self._answer()

    def feed(self, words: Sequence[str]) -> None:
        """Lets psql run what a program writes; nothing of it is printed.

        Raises:
            BackupError: the server refuses, the program fails, or it was ended early.
        """
        self.ask("\\o /dev/null")
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen(
                [*tied(), *words],
                stdin=subprocess.DEVNULL,
                stdout=self._process.stdin,
                stderr=said,
                env={"PATH": os.defpath, "LC_ALL": "C"},
                start_new_session=True,
            )
            try:
                while process.poll() is None and self._process.poll() is None:
                    self._wait()
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(_POLL)
            finally:
                end(process)
            name = os.path.basename(words[0])  # noqa: PTH119
            if process.returncode == -signal.SIGKILL:
                raise BackupError("RestoreKilled", f"{name} was killed")
            if process.returncode:
                said.seek(0)
                why = last_line(said.read().decode(errors="replace").strip())
                raise self._error(f"{name}: {why}")
        # Only now is it sure that nothing is missing at the end of it.
        self.ask("\\o")

    def _answer(self) -> str:
        stdout = cast(IO[bytes], self._process.stdout)
        found = b""
        while not found.endswith(f"{_MARK}\n".encode()):
            self._wait()
            if not select.select([stdout], [], [], _POLL)[0]:
                continue
            part = os.read(stdout.fileno(), 1 << 16)
            if not part:
                raise self._error()
            found += part
        return found.decode(errors="replace").removesuffix(f"{_MARK}\n").strip()

    def _wait(self) -> None:
        self.leash.check()
        self.meanwhile()

    def _error(self, otherwise: str = "psql has ended") -> BackupError:
        """Why psql has ended, or else what the other program said."""
        deadline = time.monotonic() + _GRACE
        while self._process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if self._process.returncode == -signal.SIGKILL:
            return BackupError("RestoreKilled", "psql was killed")
        self._said.seek(0)
        text = self._said.read().decode(errors="replace").strip()
        return told(self.access.server, text or otherwise, "RestoreFailed")
