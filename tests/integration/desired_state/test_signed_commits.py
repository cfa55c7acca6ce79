"""A git source under a policy, with SSH keys: only what is signed as it must be is used."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from support.repositories import GitServer, serve
from support.signed import SignedSetting, only_git
from support.signing import needs_ssh, ssh_signer, tamper

from desired_state.sources import FolderSource, NotVerified, Policy, VerifyMode

pytestmark = [pytest.mark.integration, needs_ssh]


@pytest.fixture
def setting(tmp_path: Path) -> SignedSetting:
    return SignedSetting(tmp_path)


@pytest.mark.parametrize("name", ["ada__pub", "ada__sshpub", "allowed_signers"])
def test_a_commit_of_a_trusted_key_names_signer_and_key(setting: SignedSetting, name: str) -> None:
    ada = ssh_signer(setting.folder, "ada")
    line = f"ada@example.org {ada.bare}\n" if name == "allowed_signers" else ada.public
    setting.trust(**{name: line})
    sha = ada.commit(setting.repo, {"a.yaml": "a: 1"})

    artifact = setting.source().fetch(setting.policy())

    assert artifact.revision == f"main@sha1:{sha}"
    assert artifact.signed == (
        f"commit {sha[:7]} by Ada <ada@example.org> is signed by ada@example.org "
        f"with the SSH key {ada.fingerprint}"
    )


@pytest.mark.parametrize("kind", ["public", "allowed"])
def test_a_secret_can_be_a_single_file(setting: SignedSetting, kind: str) -> None:
    ada = ssh_signer(setting.folder, "ada")
    file = setting.folder / "signers"
    file.write_text(ada.public if kind == "public" else f"ada@example.org {ada.bare}\n")
    ada.commit(setting.repo, {})

    artifact = setting.source().fetch(Policy(VerifyMode.HEAD, file))

    assert "is signed by ada@example.org" in artifact.signed


def test_an_unsigned_commit_is_refused_and_not_checked_out(setting: SignedSetting) -> None:
    setting.trust(ada__pub=ssh_signer(setting.folder, "ada").public)
    sha = setting.repo.commit({"a.yaml": "a: 1"})

    assert setting.refusal() == (
        "Unsigned",
        f"commit {sha[:7]} by Ada <ada@example.org> is not signed",
    )
    assert not (setting.state / "artifacts").exists()


def test_an_unknown_key_is_refused_by_its_fingerprint(setting: SignedSetting) -> None:
    setting.trust(ada__pub=ssh_signer(setting.folder, "ada").public)
    eve = ssh_signer(setting.folder, "eve")
    eve.commit(setting.repo, {"a.yaml": "a: 1"})

    reason, message = setting.refusal()

    assert reason == "UntrustedKey"
    assert f"the SSH key {eve.fingerprint}, which is not among the trusted keys" in message


def test_a_tampered_commit_is_refused(setting: SignedSetting) -> None:
    ada = ssh_signer(setting.folder, "ada")
    setting.trust(ada__pub=ada.public)
    ada.commit(setting.repo, {"a.yaml": "a: 1"})
    tamper(setting.repo)

    reason, message = setting.refusal()

    assert reason == "InvalidSignature"
    assert message.endswith("does not belong to its content")


def test_a_key_that_is_out_of_date_now_is_refused_whatever_the_commit_says(
    setting: SignedSetting, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = ssh_signer(setting.folder, "ada")
    setting.trust(
        allowed_signers=f'ada@example.org valid-before="20240101",namespaces="git" {ada.bare}\n'
    )
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2023-01-01T00:00:00Z")
    ada.commit(setting.repo, {})

    reason, message = setting.refusal()

    assert reason == "KeyExpired"
    assert message.endswith("which was valid for ada@example.org until 20240101")


def test_a_key_that_is_not_valid_yet_is_refused(setting: SignedSetting) -> None:
    ada = ssh_signer(setting.folder, "ada")
    setting.trust(allowed_signers=f'ada@example.org valid-after="20990101" {ada.bare}\n')
    ada.commit(setting.repo, {})

    assert setting.refusal()[0] == "KeyExpired"


def test_a_revoked_key_is_refused(setting: SignedSetting) -> None:
    ada, bob = (ssh_signer(setting.folder, name) for name in ("ada", "bob"))
    setting.trust(ada__pub=ada.public, bob__pub=bob.public, revoked_keys=ada.public)
    ada.commit(setting.repo, {})

    reason, message = setting.refusal()

    assert (reason, message[-25:]) == (
        "KeyRevoked",
        f"{ada.fingerprint[-6:]}, which was revoked",
    )
    sha = bob.commit(setting.repo, {})
    assert setting.source().fetch(setting.policy()).revision == f"main@sha1:{sha}"


def test_a_revocation_list_in_ssh_keygens_own_form_is_understood(setting: SignedSetting) -> None:
    ada, bob = (ssh_signer(setting.folder, name) for name in ("ada", "bob"))
    setting.trust(ada__pub=ada.public, bob__pub=bob.public)
    revoked = setting.keys / "revoked_keys"
    command = ["ssh-keygen", "-q", "-k", "-f", str(revoked), str(setting.keys / "ada.pub")]
    subprocess.run(command, check=True, timeout=30)
    ada.commit(setting.repo, {})
    assert setting.refusal()[0] == "KeyRevoked"

    bob.commit(setting.repo, {})

    assert "signed by bob@example.org" in setting.source().fetch(setting.policy()).signed


def test_a_key_that_is_for_files_only_does_not_count(setting: SignedSetting) -> None:
    ada = ssh_signer(setting.folder, "ada")
    setting.trust(allowed_signers=f'ada@example.org namespaces="file" {ada.bare}\n')
    ada.commit(setting.repo, {})

    assert setting.refusal()[0] == "UntrustedKey"


def test_what_was_verified_stays_when_something_unsigned_comes(setting: SignedSetting) -> None:
    ada = ssh_signer(setting.folder, "ada")
    setting.trust(ada__pub=ada.public)
    ada.commit(setting.repo, {"a.yaml": "a: 1"})
    source = setting.source()
    first = source.fetch(setting.policy())
    setting.repo.commit({"a.yaml": "a: 2"})

    assert setting.refusal(source)[0] == "Unsigned"

    assert source.confirm(setting.policy()) == first
    assert setting.source().confirm(setting.policy()) == first


def test_a_restart_without_git_verifies_what_lies_on_disk(setting: SignedSetting) -> None:
    ada = ssh_signer(setting.folder, "ada")
    setting.trust(ada__pub=ada.public)
    ada.commit(setting.repo, {"a.yaml": "a: 1"})
    first = setting.source().fetch(setting.policy())
    shutil.rmtree(setting.repo.folder)
    shutil.rmtree(setting.state / "cache.git")

    assert setting.source().confirm(setting.policy()) == first

    (setting.keys / "ada.pub").unlink()
    setting.trust(bob__pub=ssh_signer(setting.folder, "bob").public)
    with pytest.raises(NotVerified, match="not among the trusted keys"):
        setting.source().confirm(setting.policy())


@pytest.mark.parametrize("evidence", ["null", "{}", '{"commit": "QQ=="}', '{"commit": "Q"}'])
def test_an_artifact_without_its_evidence_is_not_used_and_fetched_anew(
    setting: SignedSetting, evidence: str
) -> None:
    ada = ssh_signer(setting.folder, "ada")
    setting.trust(ada__pub=ada.public)
    ada.commit(setting.repo, {"a.yaml": "a: 1"})
    setting.source().fetch(setting.policy())
    note = setting.state / "last.json"
    head, _, _ = note.read_text().partition('"evidence"')
    note.write_text(f'{head}"evidence": {evidence}}}')
    source = setting.source()
    assert source.last is not None

    with pytest.raises(NotVerified, match="nothing is known of its signature"):
        source.confirm(setting.policy())
    assert source.fetch(setting.policy()).signed


def test_a_removed_key_is_noticed_though_nothing_was_pushed(setting: SignedSetting) -> None:
    ada, bob = (ssh_signer(setting.folder, name) for name in ("ada", "bob"))
    setting.trust(ada__pub=ada.public, bob__pub=bob.public)
    ada.commit(setting.repo, {})
    source = setting.source()
    source.fetch(setting.policy())
    (setting.keys / "ada.pub").unlink()

    assert setting.refusal(source)[0] == "UntrustedKey"


def test_a_force_push_is_verified_like_any_other(setting: SignedSetting) -> None:
    ada = ssh_signer(setting.folder, "ada")
    setting.trust(ada__pub=ada.public)
    setting.repo.commit({})
    ada.commit(setting.repo, {"a.yaml": "a: 1"})
    source = setting.source()
    source.fetch(setting.policy())
    setting.repo.git("reset", "--quiet", "--hard", "HEAD~1")
    sha = ada.commit(setting.repo, {"a.yaml": "a: 2"})

    assert source.fetch(setting.policy()).revision.endswith(sha)
    setting.repo.git("reset", "--quiet", "--hard", "HEAD~1")
    assert setting.refusal(source)[0] == "Unsigned"


def test_a_shallow_clone_over_http_is_verified(setting: SignedSetting) -> None:
    ada = ssh_signer(setting.folder, "ada")
    setting.trust(ada__pub=ada.public)
    setting.repo.commit({})
    sha = ada.commit(setting.repo, {})
    with serve(GitServer(setting.folder)) as server:
        source = setting.source(url=f"{server.url}/repo/.git")

        assert source.fetch(setting.policy()).revision.endswith(sha)
    assert (setting.state / "cache.git/shallow").exists()


def test_a_commit_that_is_stayed_at_is_verified(setting: SignedSetting) -> None:
    ada = ssh_signer(setting.folder, "ada")
    setting.trust(ada__pub=ada.public)
    bad = setting.repo.commit({})
    good = ada.commit(setting.repo, {})

    assert setting.source(commit=good).fetch(setting.policy()).revision == f"sha1:{good}"
    assert setting.refusal(setting.source(commit=bad, branch="main"))[0] == "Unsigned"


def test_keys_and_configuration_of_the_user_are_not_used(
    setting: SignedSetting, monkeypatch: pytest.MonkeyPatch
) -> None:
    eve = ssh_signer(setting.folder, "eve")
    setting.trust(ada__pub=ssh_signer(setting.folder, "ada").public)
    home = setting.folder / "home"
    home.mkdir()
    (home / "allowed").write_text(f"eve@example.org {eve.bare}\n")
    (home / ".gitconfig").write_text(
        f'[gpg "ssh"]\n\tallowedSignersFile = {home}/allowed\n\tprogram = true\n'
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
    eve.commit(setting.repo, {})

    assert setting.refusal()[0] == "UntrustedKey"


def test_a_program_that_is_missing_is_told_with_its_package(
    setting: SignedSetting, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = ssh_signer(setting.folder, "ada")
    setting.trust(ada__pub=ada.public)
    ada.commit(setting.repo, {})
    monkeypatch.setenv("PATH", str(only_git(setting.folder)))

    assert setting.refusal() == (
        "NotChecked",
        "ssh-keygen is not installed here: install the package openssh-client",
    )


def test_a_program_that_hangs_is_ended(
    setting: SignedSetting, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = ssh_signer(setting.folder, "ada")
    setting.trust(ada__pub=ada.public)
    ada.commit(setting.repo, {})
    source = setting.source(timeout="1s")
    source.fetch()
    programs = only_git(setting.folder)
    (programs / "ssh-keygen").write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    (programs / "ssh-keygen").chmod(0o700)
    monkeypatch.setenv("PATH", str(programs))

    with pytest.raises(NotVerified, match="no answer within 1s"):
        source.confirm(setting.policy())


def test_another_kind_of_signature_is_refused(setting: SignedSetting) -> None:
    setting.trust(allowed_signers="ada@example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==\n")
    setting.repo.commit({})
    raw = setting.repo.git("cat-file", "commit", "HEAD")
    head, _, body = raw.partition("\n\n")
    mark = "-----BEGIN SIGNED MESSAGE-----\n AAAA\n -----END SIGNED MESSAGE-----"
    file = setting.folder / "x509"
    file.write_text(f"{head}\ngpgsig {mark}\n\n{body}\n")
    sha = setting.repo.git("hash-object", "-t", "commit", "-w", str(file))
    setting.repo.git("update-ref", "refs/heads/main", sha)

    assert setting.refusal()[0] == "UnsupportedSignature"


def test_a_plain_folder_is_refused_under_any_policy(tmp_path: Path) -> None:
    source = FolderSource(tmp_path)
    policy = Policy(VerifyMode.HEAD, tmp_path)

    for ask in (source.fetch, source.confirm):
        with pytest.raises(NotVerified, match="is a plain folder: not signed"):
            ask(policy)
