"""The kind GitRepository: where the desired state comes from. Seeded from the operator's settings."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Self

from pydantic import model_validator

from desired_state.declared import DeclaredModel
from desired_state.objects import CommonSpec
from desired_state.scheme import Column, Kind
from desired_state.secret_reference import SecretReference
from desired_state.sources.config import GitLocation, SourceConfig
from desired_state.sources.verification import VerifyMode

_READY: Final = '.status.conditions[?(@.type=="Ready")]'
_TOKEN_FILES: Final = ("token", "password", "bearerToken")
_KEY_FILES: Final = ("identity", "ssh-privatekey", "id_ed25519", "id_rsa")
_AUTHORITY_FILES: Final = ("ca.crt", "caFile")


class Verification(DeclaredModel):
    """What must be signed before it is used, and by whom."""

    mode: VerifyMode = VerifyMode.HEAD
    """HEAD: the commit; Tag: the tag, which must be an annotated one; TagAndHEAD: both."""
    secret_ref: SecretReference | None = None
    """Secret with the trusted public keys: `allowed_signers`, `*.sshpub`, `*.pub`, `*.asc`."""


class GitRepositorySpec(CommonSpec, GitLocation):
    """A git repository that is followed, and how."""

    secret_ref: SecretReference | None = None
    """Secret with the way in: `username` and `password`, or `identity` and `known_hosts`."""
    verify: Verification | None = None
    """Which signatures are asked for; by default none."""
    prune: bool = True
    """Whether objects that were removed from the repository are deleted."""
    allow_empty: bool = False
    """Whether a repository that declares nothing at all may delete everything."""

    @model_validator(mode="after")
    def _tag_to_verify(self) -> Self:
        if self.verify and self.verify.mode.tag and not self.tag:
            raise ValueError(f"verify.mode {self.verify.mode} needs a tag to follow: give tag")
        return self


GIT_REPOSITORY: Final = Kind(
    name="GitRepository",
    plural="gitrepositories",
    spec=GitRepositorySpec,
    short_names=("gitrepo",),
    columns=(
        Column("URL", ".spec.url"),
        Column("Ready", f"{_READY}.status"),
        Column("Revision", ".status.artifact.revision"),
        Column("Status", f"{_READY}.message"),
        Column("Age", ".metadata.creationTimestamp", type="date"),
    ),
    description="Where the desired state comes from: a branch, a tag or a commit of a git repository.",
    from_git=False,
)


def source_config(spec: GitRepositorySpec, secret: Path | None = None) -> SourceConfig:
    """How to read the repository of a spec.

    Args:
        spec: the repository.
        secret: what `secretRef` stands for: a folder of files named as in Flux, or one file, which
            is the key for ssh and the token otherwise.

    Raises:
        ValueError: the folder can't be made use of; the message says why.
    """
    location = {name: getattr(spec, name) for name in GitLocation.model_fields}
    found = _secret_files(spec.url, secret) if secret else {}
    return SourceConfig(**location, interval=spec.interval, timeout=spec.timeout, **found)


def _secret_files(url: str, secret: Path) -> dict[str, str | Path]:
    over_http = url.startswith(("http://", "https://"))
    if not secret.is_dir():
        return {"token_file" if over_http else "ssh_key_file": secret}
    names = {
        "token_file": _TOKEN_FILES if over_http else (),
        "ssh_key_file": () if over_http else _KEY_FILES,
        "known_hosts_file": ("known_hosts",),
        "ca_file": _AUTHORITY_FILES,
    }
    found: dict[str, str | Path] = {
        field: place
        for field, candidates in names.items()
        if (place := _first(secret, candidates)) is not None
    }
    if not found.keys() & {"token_file", "ssh_key_file"}:
        wanted = ", ".join(_TOKEN_FILES if over_http else _KEY_FILES)
        raise ValueError(f"the secret {secret.name} holds none of the files {wanted}")
    if (user := secret / "username").is_file():
        found["username"] = user.read_text("utf-8").strip()
    return found


def _first(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)
