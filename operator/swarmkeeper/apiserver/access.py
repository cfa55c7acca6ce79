"""Who may ask: the holder of a bearer token.

Two tokens are the program's own and lie in files with mode 0600: the administrator's, for the
kubeconfig, and the controllers'. More are issued, or come as Docker secrets: see `tokens.py`. Those are
read again while the API runs: a new one works at once, a revoked one ends within a second, with its
watches.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from swarmkeeper.apiserver.files import write_private
from swarmkeeper.apiserver.origin import ADMIN, OPERATOR
from swarmkeeper.apiserver.roles import Identity, Role
from swarmkeeper.apiserver.tokens import MIN_LENGTH, TOKEN_BYTES, Known, TokenError, digest_of
from swarmkeeper.runtime.ports import ApiError

_SCHEME: Final = "bearer "
_REFRESH: Final = 1.0  # seconds until a revoked token ends


class TokenSource(Protocol):
    """Where tokens come from."""

    def known(self) -> Sequence[Known]:
        """All tokens that are there now."""
        ...

    def stamp(self) -> object:
        """Equal as long as nothing has changed; cheap."""
        ...


@dataclass(frozen=True, slots=True)
class Tokens:
    """The program's own tokens.

    Attributes:
        admin: for the kubeconfig: everything but what git declares.
        operator: for the controllers: status, finalizers and annotations as well.
    """

    admin: str = field(repr=False)
    operator: str = field(repr=False)

    @classmethod
    def generate(cls) -> Tokens:
        """New tokens that are in no file, for tests and short lives."""
        return cls(secrets.token_urlsafe(TOKEN_BYTES), secrets.token_urlsafe(TOKEN_BYTES))

    @classmethod
    def in_folder(cls, folder: Path) -> Tokens:
        """Reads `admin.token` and `operator.token`, making those that are not there.

        Raises:
            TokenError: a file can't be read or written, or holds no token.
        """
        return cls(_token(folder / "admin.token"), _token(folder / "operator.token"))

    def identities(self) -> dict[bytes, Identity]:
        """Who holds each token, by digest."""
        return {
            digest_of(self.admin): Identity(ADMIN, Role.ADMIN),
            digest_of(self.operator): Identity(OPERATOR, Role.CONTROLLER),
        }


class Access:
    """Tells who a request comes from; for one event loop.

    Args:
        tokens: the program's own.
        sources: where more tokens come from.
    """

    def __init__(self, tokens: Tokens, sources: Sequence[TokenSource] = ()) -> None:
        self._own = tokens.identities()
        self._sources = tuple(sources)
        self._known = dict(self._own)
        self._stamps: list[object] | None = None
        self._sessions: dict[object, tuple[bytes, Callable[[], None]]] = {}

    def refresh(self) -> None:
        """Reads the tokens again where they changed, and ends the sessions of those that are gone."""
        stamps = [source.stamp() for source in self._sources]
        if stamps == self._stamps:
            return
        self._stamps = stamps
        found = [known for source in self._sources for known in source.known()]
        self._known = {known.digest: known.identity for known in found} | self._own
        for digest, end in list(self._sessions.values()):
            if digest not in self._known:
                end()

    async def keep_fresh(self) -> None:
        """Reads the tokens again and again, until it is cancelled."""
        while True:
            self.refresh()
            await asyncio.sleep(_REFRESH)

    def identify(self, authorization: str | None) -> Identity:
        """Who sent an `Authorization` header.

        Digests of all tokens are compared, each in constant time: answers tell nothing about them.

        Raises:
            ApiError: 401.
        """
        digest = _digest(authorization)
        found = self._find(digest) if digest else None
        if digest and found is None:
            self.refresh()
            found = self._find(digest)
        if found is None:
            raise ApiError(401, "Unauthorized", "Unauthorized: a valid bearer token is needed")
        return found

    @contextmanager
    def session(self, authorization: str | None, end: Callable[[], None]) -> Iterator[None]:
        """Something long, which `end` ends once its token is no longer known."""
        session = object()
        self._sessions[session] = (_digest(authorization), end)
        try:
            yield
        finally:
            del self._sessions[session]

    def _find(self, digest: bytes) -> Identity | None:
        found = None
        for known, identity in self._known.items():
            if hmac.compare_digest(known, digest):
                found = identity
        return found


def _digest(authorization: str | None) -> bytes:
    """The digest of the token in a header; empty where there is none."""
    given = (authorization or "").strip()
    token = given[len(_SCHEME) :].strip() if given.lower().startswith(_SCHEME) else ""
    return digest_of(token) if token else b""


def _token(path: Path) -> str:
    try:
        if not path.exists():
            write_private(path, secrets.token_urlsafe(TOKEN_BYTES) + "\n")
        path.chmod(0o600)
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise TokenError(f"can't use token file {path}: {type(error).__name__}") from None
    if len(token) < MIN_LENGTH:
        raise TokenError(f"token file {path} holds no token: remove it to get a new one")
    return token
