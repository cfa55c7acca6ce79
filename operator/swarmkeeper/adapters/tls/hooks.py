"""DNS-01 by a program of the user, called as lego's `exec` provider calls it.

    PROGRAM present _acme-challenge.app.example.org. VALUE
    PROGRAM cleanup _acme-challenge.app.example.org. VALUE

`present` returns once the record can be seen in public.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from swarmkeeper.runtime.certificates import CertificateError

TIMEOUT: Final = 120.0
"""Seconds for one call."""
_SHOWN: Final = 300
Record = tuple[str, str]


class Hooks:
    """Programs in a folder that the operator's owner fills; objects name one of them.

    Args:
        folder: of the programs.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def presenting(self, name: str, records: Sequence[Record]) -> Iterator[None]:
        """Has TXT records in DNS within the block.

        Raises:
            CertificateError: HookFailed.
        """
        done: list[Record] = []
        try:
            for record in records:
                done.append(record)  # also one that failed may have left something
                self._call(name, "present", record)
            yield
        finally:
            for record in done:
                self._call(name, "cleanup", record, strict=False)

    def _call(self, name: str, verb: str, record: Record, *, strict: bool = True) -> None:
        program = self._folder / name
        if not os.access(program, os.X_OK):
            raise CertificateError("HookFailed", f"there is no program {program}")
        try:
            done = subprocess.run(
                [str(program), verb, *record],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CertificateError(
                "HookFailed", f"{name} {verb} can't be run: {type(error).__name__}"
            ) from None
        if done.returncode and strict:
            said = done.stderr.strip()[-_SHOWN:]
            raise CertificateError(
                "HookFailed", f"{name} {verb} ended with {done.returncode}: {said}"
            )
