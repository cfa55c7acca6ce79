"""A git source under a policy, with OpenPGP keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.signed import SignedSetting, only_git
from support.signing import Keyring, keyring, needs_gpg, tamper

from desired_state.sources import VerifyMode

pytestmark = [pytest.mark.integration, needs_gpg]


@pytest.fixture
def setting(tmp_path: Path) -> SignedSetting:
    return SignedSetting(tmp_path)


@pytest.fixture(scope="module")
def ring() -> Iterator[Keyring]:
    with keyring() as made:
        yield made


def test_a_commit_and_a_tag_of_a_trusted_key_name_owner_and_key(
    setting: SignedSetting, ring: Keyring
) -> None:
    grace = ring.signer("grace")
    setting.trust(grace__asc=grace.public)
    sha = grace.commit(setting.repo, {"a.yaml": "a: 1"})
    grace.tag(setting.repo, "v1")

    artifact = setting.source(tag="v1").fetch(setting.policy(VerifyMode.TAG_AND_HEAD))

    by = f"is signed by grace <grace@example.org> with the OpenPGP key {grace.fingerprint}"
    assert artifact.signed == (
        f"tag v1 by Ada <ada@example.org> {by}; commit {sha[:7]} by Ada <ada@example.org> {by}"
    )


def test_an_unknown_key_is_refused_by_its_fingerprint(
    setting: SignedSetting, ring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    heidi, ivan = ring.signer("heidi"), ring.signer("ivan")
    setting.trust(heidi__asc=heidi.public)
    ivan.commit(setting.repo, {})
    monkeypatch.setenv("GNUPGHOME", str(ring.home))  # where the key would be

    reason, message = setting.refusal()

    assert reason == "UntrustedKey"
    assert f"the OpenPGP key {ivan.fingerprint}, which is not" in message


def test_a_folder_without_openpgp_keys_trusts_none(setting: SignedSetting, ring: Keyring) -> None:
    setting.trust(allowed_signers="ada@example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==\n")
    ring.signer("judy").commit(setting.repo, {})

    assert setting.refusal()[0] == "UntrustedKey"


def test_a_tampered_commit_is_refused(setting: SignedSetting, ring: Keyring) -> None:
    mallory = ring.signer("mallory")
    setting.trust(mallory__asc=mallory.public)
    mallory.commit(setting.repo, {})
    tamper(setting.repo)

    assert setting.refusal()[0] == "InvalidSignature"


def test_an_expired_key_is_refused(setting: SignedSetting, ring: Keyring) -> None:
    olivia = ring.signer("olivia", expires="1y", at="20200101T000000")
    setting.trust(olivia__asc=olivia.public)
    olivia.commit(setting.repo, {})

    reason, message = setting.refusal()

    assert reason == "KeyExpired"
    assert f"{olivia.fingerprint} of olivia <olivia@example.org>, which has expired" in message


def test_a_revoked_key_is_refused_wherever_the_revocation_lies(
    setting: SignedSetting, ring: Keyring
) -> None:
    peggy = ring.signer("peggy")
    setting.trust(peggy__asc=peggy.public)
    peggy.commit(setting.repo, {})
    source = setting.source()
    source.fetch(setting.policy())

    setting.trust(a_revocation__asc=ring.revocation(peggy))

    assert setting.refusal(source)[0] == "KeyRevoked"


def test_a_program_that_is_missing_is_told_with_its_package(
    setting: SignedSetting, ring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    trent = ring.signer("trent")
    setting.trust(trent__asc=trent.public)
    trent.commit(setting.repo, {})
    monkeypatch.setenv("PATH", str(only_git(setting.folder)))

    assert setting.refusal() == (
        "NotChecked",
        "gpg is not installed here: install the package gnupg",
    )


def test_a_file_that_is_no_key_is_told_by_name(setting: SignedSetting, ring: Keyring) -> None:
    victor = ring.signer("victor")
    setting.trust(victor__asc=victor.public, junk__asc="nonsense")
    victor.commit(setting.repo, {})

    assert setting.refusal() == (
        "KeysUnavailable",
        "the trusted keys are of no use: junk.asc holds no OpenPGP public key",
    )


def test_nothing_is_left_behind(setting: SignedSetting, ring: Keyring) -> None:
    wendy = ring.signer("wendy")
    setting.trust(wendy__asc=wendy.public)
    wendy.commit(setting.repo, {})
    setting.source().fetch(setting.policy())

    assert list(setting.state.rglob("*verify-*")) == []
