"""DNS-01 by a program of the user, called as lego's `exec` provider calls it.

    PROGRAM present _acme-challenge.app.example.org. VALUE
    PROGRAM cleanup _acme-challenge.app.example.org. VALUE

`present` returns once the record can be seen in public.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from swarmkeeper.runtime.certificates import CertificateError

TIMEOUT: Final = 120.0
"""Seconds for one call."""
_SHOWN: Final = 300
_SECRET: Final = re.compile("TOKEN|KEY|SECRET|PASS|CREDENTIAL|AUTH", re.IGNORECASE)
"""Names of variables that programs for DNS providers take secrets from."""
_LEAST: Final = 4  # shorter values are no secrets, and would blot out words
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
            said = _without_secrets(done.stderr.strip())[-_SHOWN:]
            raise CertificateError(
                "HookFailed", f"{name} {verb} ended with {done.returncode}: {said}"
            )


def _without_secrets(text: str) -> str:
    """What a program said, without the values of variables that it takes secrets from."""
    values = {value for name, value in os.environ.items() if _SECRET.search(name)}
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= _LEAST:
            text = text.replace(value, "***")
    return text
