"""Issued tokens: files in the data folder that hold a digest, and Docker secrets that hold the token.

The digest is SHA-256 without salt: a token has 256 random bits, so there is nothing to guess.
"""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from desired_state.fields import DNS_LABEL
from swarmkeeper.apiserver.files import write_private
from swarmkeeper.apiserver.roles import ISSUED, Identity, Role

FOLDER: Final = "tokens"
"""Where issued tokens are, within the data folder."""
TOKEN_BYTES: Final = 32
MIN_LENGTH: Final = 32  # characters; a shorter token could be guessed
SECRET_PREFIX: Final = "swarmkeeper-token."  # noqa: S105 - the name of a file
_NAME: Final = re.compile(DNS_LABEL)
_MAX_NAME: Final = 63
_MAX_FILE: Final = 4096  # bytes; what is larger is not ours
_log = logging.getLogger(__name__)


class TokenError(Exception):
    """A token file can't be used; the message names the file, never its content."""


class _Issued(BaseModel):
    """A file of an issued token."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    role: Role
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    created: datetime


@dataclass(frozen=True, slots=True)
class Known:
    """A token that is accepted.

    Attributes:
        name: unique within its folder.
        role: what it may do.
        created: when it was issued; None for a Docker secret.
        digest: SHA-256 of the token.
    """

    name: str
    role: Role
    created: datetime | None
    digest: bytes = field(repr=False)

    @property
    def identity(self) -> Identity:
        """Who holds it; the prefix keeps it apart from the program's own actors."""
        return Identity(f"token:{self.name}", self.role)


def digest_of(token: str) -> bytes:
    """What is stored and compared instead of a token."""
    return hashlib.sha256(token.encode(errors="replace")).digest()


@dataclass(frozen=True, slots=True)
class TokenFolder:
    """Tokens that `swarmkeeper token create` issued: one JSON file each, with mode 0600.

    Attributes:
        folder: where; need not exist.
    """

    folder: Path

    def create(self, name: str, role: Role, now: datetime | None = None) -> str:
        """Issues a token and gives it; it is kept nowhere.

        Raises:
            TokenError: the name is taken or is none, or the file can't be written.
        """
        path = self._path(name)
        if role not in ISSUED:
            raise TokenError(f"no token is issued with the role {role}")
        if path.exists():
            raise TokenError(f"there is a token {name} already: revoke it, or take another name")
        token = secrets.token_urlsafe(TOKEN_BYTES)
        created = (now or datetime.now(UTC)).replace(microsecond=0)
        issued = _Issued(name=name, role=role, sha256=digest_of(token).hex(), created=created)
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            write_private(path, issued.model_dump_json(indent=2) + "\n")
        except OSError as error:
            raise TokenError(f"can't write {path}: {error.strerror}") from error
        return token

    def revoke(self, name: str) -> None:
        """Takes a token away.

        Raises:
            TokenError: there is none, or its file can't be removed.
        """
        path = self._path(name)
        try:
            path.unlink()
        except FileNotFoundError:
            raise TokenError(f"there is no token {name}") from None
        except OSError as error:
            raise TokenError(f"can't remove {path}: {error.strerror}") from error

    def known(self) -> list[Known]:
        """All tokens, by name; a file that can't be used is told in the log and left out."""
        return [known for path in _files(self.folder, "*.json") for known in _read_issued(path)]

    def stamp(self) -> object:
        """Equal as long as nothing has changed."""
        return _stamp(self.folder, "*.json")

    def _path(self, name: str) -> Path:
        if len(name) > _MAX_NAME or _NAME.match(name) is None:
            raise TokenError(f"{name!r} is no name: lower case letters, digits and '-'")
        return self.folder / f"{name}.json"


@dataclass(frozen=True, slots=True)
class SecretTokens:
    """Tokens from Docker secrets: files `swarmkeeper-token.ROLE.NAME` that hold the token itself.

    Attributes:
        folder: where Docker puts them; need not exist.
    """

    folder: Path

    def known(self) -> list[Known]:
        """All tokens, by name; a file that can't be used is told in the log and left out."""
        files = _files(self.folder, f"{SECRET_PREFIX}*")
        return [known for path in files for known in _read_secret(path)]

    def stamp(self) -> object:
        """Equal as long as nothing has changed."""
        return _stamp(self.folder, f"{SECRET_PREFIX}*")


def shown(known: Known) -> dict[str, object]:
    """What people may see of a token."""
    return {key: value for key, value in asdict(known).items() if key != "digest"}


def _files(folder: Path, pattern: str) -> list[Path]:
    try:
        return sorted(path for path in folder.glob(pattern) if not path.name.startswith("."))
    except OSError:
        return []


def _stamp(folder: Path, pattern: str) -> list[tuple[str, int, int]]:
    """Name, inode and time of each file: files are put in place whole, so this tells of any change."""
    found = []
    for path in _files(folder, pattern):
        with suppress(OSError):
            state = path.stat()
            found.append((path.name, state.st_ino, state.st_mtime_ns))
    return found


def _read_issued(path: Path) -> Iterator[Known]:
    text = _text(path)
    if text is None:
        return
    try:
        issued = _Issued.model_validate(orjson.loads(text))
    except (ValidationError, orjson.JSONDecodeError):
        _leave_out(path, "it is no issued token")
        return
    if issued.name != path.stem or issued.role not in ISSUED:
        _leave_out(path, "it is another's, or has no role that is issued")
        return
    yield Known(issued.name, issued.role, issued.created, bytes.fromhex(issued.sha256))


def _read_secret(path: Path) -> Iterator[Known]:
    role, _, name = path.name.removeprefix(SECRET_PREFIX).partition(".")
    if role not in ISSUED or _NAME.match(name) is None:
        _leave_out(path, "its name is not swarmkeeper-token.ROLE.NAME")
        return
    token = (_text(path) or "").strip()
    if len(token) < MIN_LENGTH:
        _leave_out(path, "it holds no token of 32 characters or more")
        return
    yield Known(name, Role(role), None, digest_of(token))


def _text(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_FILE).decode()
    except (OSError, UnicodeDecodeError) as error:
        _leave_out(path, type(error).__name__)
        return None


def _leave_out(path: Path, why: str) -> None:
    _log.warning("token file left out", extra={"file": str(path), "why": why})
