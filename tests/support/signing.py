"""Real signing keys, made for a test, and commits and tags signed with them."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.repositories import Repository
from support.trees import write

needs_ssh = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None,
    reason="ssh-keygen is not installed: package openssh-client",
)
needs_gpg = pytest.mark.skipif(
    shutil.which("gpg") is None, reason="gpg is not installed: package gnupg"
)


@dataclass(frozen=True)
class Signer:
    """Somebody who signs.

    Attributes:
        options: for git, so that it signs with this key.
        public: the public key as a file's text.
        fingerprint: as ssh-keygen or gpg shows it.
    """

    options: tuple[str, ...]
    public: str
    fingerprint: str

    @property
    def bare(self) -> str:
        """An SSH public key without its comment."""
        return " ".join(self.public.split()[:2])

    def commit(self, repo: Repository, files: Mapping[str, str]) -> str:
        """Makes a signed commit and gives its hash."""
        write(repo.folder, files)
        repo.git("add", "--all")
        repo.git(*self.options, "commit", "--quiet", "--allow-empty", "-S", "--message=signed")
        return repo.git("rev-parse", "HEAD")

    def tag(self, repo: Repository, name: str, *options: str) -> None:
        """Makes a signed tag of HEAD."""
        repo.git(*self.options, "tag", "--sign", "--message=release", *options, name)


def ssh_signer(folder: Path, name: str) -> Signer:
    """A fresh SSH key, whose comment is `<name>@example.org`."""
    key = folder / name
    comment = f"{name}@example.org"
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(key))
    fingerprint = _run("ssh-keygen", "-l", "-f", f"{key}.pub").split()[1]
    options = ("-c", "gpg.format=ssh", "-c", f"user.signingkey={key}")
    return Signer(options, Path(f"{key}.pub").read_text(), fingerprint)


class Keyring:
    """A GnuPG home with secret keys."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def signer(self, name: str, *, expires: str = "never", at: str = "") -> Signer:
        """A fresh OpenPGP key; with `at` it is made, and signs, at another time."""
        faked = ("--faked-system-time", f"{at}!") if at else ()
        program = self.home / f"sign-{name}"
        program.write_text(f'#!/bin/sh\nexec gpg --homedir {self.home} {" ".join(faked)} "$@"\n')
        program.chmod(0o700)
        owner = f"{name} <{name}@example.org>"
        options = (*faked, "--passphrase", "", "--quick-gen-key", owner, "ed25519", "sign", expires)
        self.gpg(*options)
        fingerprint = next(
            line.split(":")[9]
            for line in self.gpg("--with-colons", "--list-keys", owner).splitlines()
            if line.startswith("fpr:")
        )
        chosen = ("-c", "gpg.format=openpgp", "-c", f"user.signingkey={fingerprint}")
        options = (*chosen, "-c", f"gpg.program={program}")
        return Signer(options, self.gpg("--armor", "--export", owner), fingerprint)

    def revocation(self, signer: Signer) -> str:
        """The certificate that revokes a key."""
        text = (self.home / "openpgp-revocs.d" / f"{signer.fingerprint}.rev").read_text()
        return text[text.index(":-----BEGIN") + 1 :]

    def gpg(self, *arguments: str) -> str:
        """Runs gpg in it."""
        return _run("gpg", "--homedir", str(self.home), "--batch", "--quiet", *arguments)


@contextmanager
def keyring() -> Iterator[Keyring]:
    """A keyring whose agent ends with it; its path is short, for its sockets' sake."""
    with tempfile.TemporaryDirectory(prefix="gpg-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        try:
            yield Keyring(home)
        finally:
            _run("gpgconf", "--homedir", folder, "--kill", "all")


def tamper(repo: Repository) -> str:
    """Puts another content under the signature of HEAD, and moves the branch there."""
    raw = repo.git("cat-file", "commit", "HEAD")
    file = repo.folder.parent / "tampered"
    file.write_text(raw.replace("signed", "forged") + "\n")
    sha = repo.git("hash-object", "-t", "commit", "-w", str(file))
    repo.git("update-ref", "refs/heads/main", sha)
    return sha


def _run(*command: str) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return done.stdout
