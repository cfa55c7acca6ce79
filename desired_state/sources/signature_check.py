"""Verifies the signatures of a revision by git itself, with the trusted keys and nothing else."""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from desired_state.sources.evidence import Evidence, Format, SignedObject
from desired_state.sources.git_command import GitCommand, GitTimedOut
from desired_state.sources.process import TimedOut
from desired_state.sources.signature_report import Answer, read_openpgp, read_ssh
from desired_state.sources.trusted_keys import TrustedKeys, read_keys
from desired_state.sources.verification import NotVerified, Policy, Refusal

_PACKAGES: Final = {"git": "git", "gpg": "gnupg", "ssh-keygen": "openssh-client"}
_PROGRAMS: Final = {Format.SSH: "ssh-keygen", Format.OPENPGP: "gpg"}


def verify(
    evidence: Evidence | None, policy: Policy, *, tag: str, scratch: Path, timeout: float
) -> str:
    """Verifies a revision under a policy, as of now.

    Args:
        evidence: what is known of the revision, or None.
        policy: what must be signed, and by whom.
        tag: name of the tag that is followed; empty for a branch or a commit.
        scratch: folder for what is written meanwhile.
        timeout: seconds for everything.

    Returns:
        What is signed, by whom and with which key.

    Raises:
        NotVerified: something is not signed as it must be.
    """
    if evidence is None:
        raise NotVerified(Refusal.UNSIGNED, "nothing is known of its signature")
    subjects = _subjects(evidence, policy, tag)
    keys = read_keys(policy.keys, datetime.now(UTC))
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".verify-", dir=scratch) as folder:
            check = _Check(Path(folder), keys, timeout)
            return "; ".join(check.verify(subject) for subject in subjects)
    except (GitTimedOut, TimedOut):
        raise NotVerified(Refusal.NOT_CHECKED, f"no answer within {timeout:g}s") from None
    except OSError as error:
        reason = (error.strerror or "failed").lower()
        raise NotVerified(Refusal.NOT_CHECKED, f"{error.filename or scratch}: {reason}") from None


def _subjects(evidence: Evidence, policy: Policy, tag: str) -> list[SignedObject]:
    """What must be signed; the tag must be the one that is followed, and lead to the commit."""
    found = []
    if policy.mode.tag:
        found.append(_tag(evidence, tag))
    if policy.mode.commit:
        found.append(evidence.commit)
    for subject in found:
        if subject.format is Format.NONE:
            raise NotVerified(Refusal.UNSIGNED, f"{subject} is not signed")
        if subject.format is Format.OTHER:
            message = f"{subject} has a signature that is neither SSH nor OpenPGP"
            raise NotVerified(Refusal.UNSUPPORTED, message)
    return found


def _tag(evidence: Evidence, name: str) -> SignedObject:
    if not name:
        message = "no tag is followed, so none can be verified: give a tag, or use mode HEAD"
        raise NotVerified(Refusal.WRONG_TAG, message)
    tag = evidence.tag
    if tag is None:
        message = f"tag {name} is a lightweight one, which can't be signed: make it with git tag -s"
        raise NotVerified(Refusal.UNSIGNED, message)
    if tag.header("tag") != name:
        message = f"tag {name} is in truth the {tag}: somebody moved its name"
        raise NotVerified(Refusal.WRONG_TAG, message)
    if tag.header("object") != evidence.commit.name:
        raise NotVerified(Refusal.WRONG_TAG, f"{tag} does not point to a commit itself")
    return tag


class _Check:
    """One verification: an empty repository, a keyring and a list of signers, made for it."""

    def __init__(self, folder: Path, keys: TrustedKeys, timeout: float) -> None:
        self._keys = keys
        self._timeout = timeout
        self._repository = folder / "repository"
        (self._repository / "objects").mkdir(parents=True)
        (self._repository / "refs").mkdir()
        (self._repository / "HEAD").write_text("ref: refs/heads/main\n", "utf-8")
        self._home = folder / "gnupg"
        self._home.mkdir(mode=0o700)
        self._signers = keys.lay_out_signers(folder)
        self._git = GitCommand(folder, timeout=timeout, env={"GNUPGHOME": str(self._home)})

    def verify(self, subject: SignedObject) -> str:
        """Verifies one object and tells who signed it."""
        try:
            if subject.format is Format.OPENPGP and self._keys.armored:
                path = os.environ.get("PATH", os.defpath)
                self._keys.lay_out_keyring(self._home, path=path, timeout=self._timeout)
            answer = self._ask(subject)
        except FileNotFoundError as error:
            raise _missing(str(error.filename)) from None
        program = _PROGRAMS[subject.format]
        if f"cannot run {program}" in answer.text:
            raise _missing(program)
        if subject.format is Format.SSH:
            return read_ssh(subject, answer, self._keys)
        return read_openpgp(subject, answer)

    def _ask(self, subject: SignedObject) -> Answer:
        subject.store(self._repository / "objects")
        settings = {
            "gpg.ssh.program": "ssh-keygen",
            "gpg.ssh.allowedSignersFile": str(self._signers),
            "gpg.openpgp.program": "gpg",
            "gpg.program": "gpg",
            "gpg.x509.program": "false",
            "gpg.minTrustLevel": "undefined",
        }
        if self._keys.revoked:
            settings["gpg.ssh.revocationFile"] = str(self._keys.revoked)
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = f"verify-{subject.kind}"
        where = f"--git-dir={self._repository}"
        finished = self._git.ask(*options, where, command, "--raw", subject.name)
        text = (finished.errors + b"\n" + finished.output).decode("utf-8", "replace")
        return Answer(finished.code == 0, text)


def _missing(program: str) -> NotVerified:
    """The refusal where a program is not there, with what to install."""
    package = _PACKAGES.get(program, program)
    message = f"{program} is not installed here: install the package {package}"
    return NotVerified(Refusal.NOT_CHECKED, message)
