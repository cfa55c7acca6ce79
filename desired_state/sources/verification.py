"""What must be signed, by whom, and how a refusal is told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class VerifyMode(StrEnum):
    """What must carry a good signature, with Flux's names."""

    HEAD = "HEAD"
    """The commit that the branch, tag or commit names."""
    TAG = "Tag"
    """The tag itself; it must be an annotated one."""
    TAG_AND_HEAD = "TagAndHEAD"
    """Both the tag and the commit that it points to."""

    @property
    def commit(self) -> bool:
        """Whether the commit must be signed."""
        return self is not VerifyMode.TAG

    @property
    def tag(self) -> bool:
        """Whether the tag must be signed."""
        return self is not VerifyMode.HEAD

    def together(self, other: VerifyMode) -> VerifyMode:
        """The mode that asks for all that both ask for."""
        return self if self is other else VerifyMode.TAG_AND_HEAD


class Refusal(StrEnum):
    """Why something counts as not verified: the reasons of the condition SourceVerified."""

    UNSIGNED = "Unsigned"
    """There is no signature."""
    INVALID_SIGNATURE = "InvalidSignature"
    """The signature does not belong to this content."""
    UNTRUSTED_KEY = "UntrustedKey"
    """The signature may be good, but its key is not among the trusted ones."""
    KEY_EXPIRED = "KeyExpired"
    """The key, or the signature, is no longer valid."""
    KEY_REVOKED = "KeyRevoked"
    """The key was revoked."""
    WRONG_TAG = "WrongTag"
    """There is no tag that could be signed, or it is another one's."""
    KEYS_UNAVAILABLE = "KeysUnavailable"
    """The trusted keys can't be read."""
    UNSUPPORTED = "UnsupportedSignature"
    """A signature that is neither SSH nor OpenPGP."""
    NOT_CHECKED = "NotChecked"
    """A program is missing, or it did not answer."""


class NotVerified(Exception):  # noqa: N818 - named like the condition
    """A revision is not signed as it must be, so it is not used; the message holds no secret."""

    def __init__(self, reason: Refusal, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclass(frozen=True, slots=True)
class Policy:
    """What must be signed, and by whom.

    Attributes:
        mode: what is looked at.
        keys: folder with the trusted public keys, or a file with them; read at each look.
    """

    mode: VerifyMode
    keys: Path
