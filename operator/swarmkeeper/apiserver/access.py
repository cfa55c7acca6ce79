"""Who may ask: the holder of a bearer token. Tokens lie in files with mode 0600 and nowhere else."""

from __future__ import annotations

import hmac
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from swarmkeeper.apiserver.origin import ADMIN, OPERATOR
from swarmkeeper.runtime.ports import ApiError

_TOKEN_BYTES: Final = 32
_MIN_LENGTH: Final = 32  # characters; a shorter file was not written by us
_SCHEME: Final = "bearer "


class TokenError(Exception):
    """A token file can't be used; the message names the file, never its content."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The two tokens of the API.

    Attributes:
        admin: for people: everything but what git declares.
        operator: for the controllers: status, finalizers and annotations as well.
    """

    admin: str = field(repr=False)
    operator: str = field(repr=False)

    @classmethod
    def generate(cls) -> Tokens:
        """New tokens that are in no file, for tests and short lives."""
        return cls(secrets.token_urlsafe(_TOKEN_BYTES), secrets.token_urlsafe(_TOKEN_BYTES))

    @classmethod
    def in_folder(cls, folder: Path) -> Tokens:
        """Reads `admin.token` and `operator.token`, making those that are not there.

        Raises:
            TokenError: a file can't be read or written, or holds no token.
        """
        return cls(_token(folder / "admin.token"), _token(folder / "operator.token"))

    def actors(self) -> Mapping[str, str]:
        """The actor behind each token."""
        return {self.admin: ADMIN, self.operator: OPERATOR}


class Access:
    """Tells who a request comes from.

    Args:
        tokens: what is accepted.
    """

    def __init__(self, tokens: Tokens) -> None:
        self._known = [(token.encode(), actor) for token, actor in tokens.actors().items()]

    def actor(self, authorization: str | None) -> str:
        """The actor of an `Authorization` header.

        All tokens are compared in constant time, so that answers tell nothing about them.

        Raises:
            ApiError: 401.
        """
        given = (authorization or "").strip()
        token = given[len(_SCHEME) :].strip() if given.lower().startswith(_SCHEME) else ""
        found = None
        for known, actor in self._known:
            if hmac.compare_digest(known, token.encode(errors="replace")):
                found = actor
        if found is None:
            raise ApiError(401, "Unauthorized", "Unauthorized: a valid bearer token is needed")
        return found


def write_private(path: Path, text: str) -> None:
    """Puts a file with mode 0600 in place, whole or not at all.

    Raises:
        OSError: it can't be written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _token(path: Path) -> str:
    try:
        if not path.exists():
            write_private(path, secrets.token_urlsafe(_TOKEN_BYTES) + "\n")
        path.chmod(0o600)
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise TokenError(f"can't use token file {path}: {type(error).__name__}") from None
    if len(token) < _MIN_LENGTH:
        raise TokenError(f"token file {path} holds no token: remove it to get a new one")
    return token
