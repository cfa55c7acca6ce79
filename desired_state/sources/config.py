"""Where a git source is and how to read it; secrets are files, never values."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from desired_state.declared import DeclaredModel
from desired_state.fields import Duration

_SCHEMES: Final = ("file", "http", "https", "ssh")
_SCP: Final = re.compile(r"^[\w.-]+@[\w.-]+:(?!//)")
_BAD_REF: Final = re.compile(r"^[-/.]|\.\.|[\x00-\x20~^:?*\[\\\x7f]|@\{|//|[/.]$|\.lock$")


def _url(url: str) -> str:
    """A URL that git can read and that holds no password."""
    if url.startswith("-") or not url.strip() or any(ord(letter) < 32 for letter in url):
        raise ValueError("is no git URL: write it like https://git.example.org/team/state.git")
    if _SCP.match(url) or url.startswith("/"):
        return url
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError:
        raise ValueError("is no valid URL") from None
    if parts.scheme not in _SCHEMES or "::" in url.split("/", 1)[0]:
        raise ValueError(
            "must begin with https://, http://, ssh:// or file://, be an absolute path, "
            "or be like git@host:path"
        )
    if password is not None:
        raise ValueError("must not hold a password: give it as a secret")
    return url


def _ref(name: str) -> str:
    """A name that git allows for a branch or a tag."""
    if _BAD_REF.search(name):
        raise ValueError(f"'{name[:60]}' is no name that git allows for a branch or a tag")
    return name


def _inside(path: str) -> str:
    """A folder inside the repository."""
    parts = PurePosixPath(path)
    if ".." in parts.parts or parts.is_absolute():
        raise ValueError(f"'{path[:60]}' must lie inside the repository: no '..', no leading '/'")
    return path


GitUrl = Annotated[str, AfterValidator(_url)]
RefName = Annotated[str, Field(min_length=1, max_length=250), AfterValidator(_ref)]
CommitHash = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
InnerPath = Annotated[str, AfterValidator(_inside)]


class GitLocation(DeclaredModel):
    """Which commit of which repository: the fields that people write."""

    url: GitUrl
    """Repository: https://, http://, ssh://, file://, an absolute path, or git@host:path."""
    branch: RefName | None = None
    """Branch to follow; `main` where neither branch, tag nor commit is given."""
    tag: RefName | None = None
    """Tag to follow, instead of a branch."""
    commit: CommitHash | None = None
    """Commit to stay at, as 40 hexadecimal digits; with `branch`, one of that branch."""
    path: InnerPath = "."
    """Folder of the repository that holds the objects."""

    @model_validator(mode="after")
    def _one_ref(self) -> Self:
        if self.tag and (self.branch or self.commit):
            raise ValueError("tag excludes branch and commit: give one of them")
        return self

    @property
    def ref(self) -> str:
        """The full name of the ref to read; empty for a commit alone."""
        if self.tag:
            return f"refs/tags/{self.tag}"
        if self.commit and not self.branch:
            return ""
        return f"refs/heads/{self.branch or 'main'}"


class SourceConfig(GitLocation):
    """A git location with the way to read it, as the composition root builds it."""

    model_config = ConfigDict(hide_input_in_errors=True)

    interval: Duration = Field(default=timedelta(seconds=30))
    """How often to look when no webhook asks for it earlier."""
    timeout: Duration = Field(default=timedelta(seconds=60))
    """Longest time for one fetch."""
    username: str = ""
    """User for http(s): GitLab deploy tokens need theirs, elsewhere any will do."""
    token_file: Path | None = None
    """File with the token or password for http(s)."""
    ssh_key_file: Path | None = None
    """File with the private key for ssh."""
    known_hosts_file: Path | None = None
    """File with the host keys to trust; without it the first key seen is kept and trusted."""
    ca_file: Path | None = None
    """File with the certificate authorities to trust for https, instead of the system's."""
