"""Secrets as files in a folder: Docker's own /run/secrets, or one like it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from desired_state.secret_reference import SecretKeyReference

SECRETS = Path("/run/secrets")
"""Where Docker puts the secrets of a service."""


class SecretMissing(Exception):  # noqa: N818 - says what it is
    """The secret can't be read; the message names it."""


class SecretFolder:
    """Reads secrets anew at each use, so that a renewed one needs no restart.

    Args:
        folder: of files, or of folders of files.
        learn: told every value that was read, so that it can be kept out of texts.
    """

    def __init__(self, folder: Path, learn: Callable[[Iterable[str]], object]) -> None:
        self._folder = folder
        self._learn = learn

    def path(self, ref: SecretKeyReference) -> Path:
        """The file of a secret.

        Raises:
            SecretMissing: there is none.
        """
        path = self._folder / ref.name / ref.key if ref.key else self._folder / ref.name
        if not path.is_file():
            shown = f"{ref.name}/{ref.key}" if ref.key else ref.name
            raise SecretMissing(f"there is no secret {shown} in {self._folder}")
        return path

    def read(self, ref: SecretKeyReference) -> str:
        """The value of a secret, without white space around it.

        Raises:
            SecretMissing: there is none, or it can't be read.
        """
        try:
            value = self.path(ref).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise SecretMissing(
                f"secret {ref.name} can't be read: {type(error).__name__}"
            ) from None
        self._learn((value,))
        return value
