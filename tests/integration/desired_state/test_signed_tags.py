"""A git source that follows a tag under a policy: which tags count as signed."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.signed import SignedSetting
from support.signing import needs_ssh, ssh_signer

from desired_state.sources import VerifyMode

pytestmark = [pytest.mark.integration, needs_ssh]


@pytest.fixture
def setting(tmp_path: Path) -> SignedSetting:
    return SignedSetting(tmp_path)


MODES = (VerifyMode.TAG, VerifyMode.TAG_AND_HEAD)


@pytest.mark.parametrize("mode", MODES)
def test_a_signed_tag_on_a_signed_commit_is_used(setting: SignedSetting, mode: VerifyMode) -> None:
    ada = ssh_signer(setting.folder, "ada")
    setting.trust(ada__pub=ada.public)
    sha = ada.commit(setting.repo, {})
    ada.tag(setting.repo, "v1")

    artifact = setting.source(tag="v1").fetch(setting.policy(mode))

    told = ["tag v1 by Ada <ada@example.org> is signed by ada@example.org"]
    if mode is VerifyMode.TAG_AND_HEAD:
        told.append(f"commit {sha[:7]} by Ada <ada@example.org> is signed by ada@example.org")
    with_key = [f"{part} with the SSH key {ada.fingerprint}" for part in told]
    assert artifact.signed == "; ".join(with_key)


def test_a_signed_tag_on_an_unsigned_commit_is_enough_for_tag_alone(setting: SignedSetting) -> None:
    ada = ssh_signer(setting.folder, "ada")
    setting.trust(ada__pub=ada.public)
    sha = setting.repo.commit({})
    ada.tag(setting.repo, "v1")
    source = setting.source(tag="v1")

    assert source.fetch(setting.policy(VerifyMode.TAG)).revision == f"v1@sha1:{sha}"
    assert setting.refusal(source, VerifyMode.TAG_AND_HEAD)[1].startswith(f"commit {sha[:7]}")
    assert setting.refusal(source, VerifyMode.HEAD)[0] == "Unsigned"


@pytest.mark.parametrize(
    ("options", "told"),
    [((), "tag v1 is a lightweight one"), (("--annotate", "--message=x"), "is not signed")],
    ids=["lightweight", "annotated"],
)
def test_an_unsigned_tag_is_refused_also_on_a_signed_commit(
    setting: SignedSetting, options: tuple[str, ...], told: str
) -> None:
    ada = ssh_signer(setting.folder, "ada")
    setting.trust(ada__pub=ada.public)
    ada.commit(setting.repo, {})
    setting.repo.git("tag", *options, "v1")

    for mode in MODES:
        reason, message = setting.refusal(setting.source(tag="v1"), mode)
        assert reason == "Unsigned"
        assert told in message
    assert setting.source(tag="v1").fetch(setting.policy()).signed.startswith("commit ")


def test_a_tag_that_is_signed_later_is_taken_up(setting: SignedSetting) -> None:
    ada = ssh_signer(setting.folder, "ada")
    setting.trust(ada__pub=ada.public)
    setting.repo.commit({})
    setting.repo.git("tag", "v1")
    source = setting.source(tag="v1")
    source.fetch()
    assert setting.refusal(source, VerifyMode.TAG)[0] == "Unsigned"

    ada.tag(setting.repo, "v1", "--force")

    assert source.fetch(setting.policy(VerifyMode.TAG)).signed.startswith("tag v1 ")


def test_a_name_that_was_moved_to_an_older_signed_tag_is_refused(setting: SignedSetting) -> None:
    ada = ssh_signer(setting.folder, "ada")
    setting.trust(ada__pub=ada.public)
    setting.repo.commit({})
    ada.tag(setting.repo, "v1")
    setting.repo.git("update-ref", "refs/tags/v2", setting.repo.git("rev-parse", "v1"))

    reason, message = setting.refusal(setting.source(tag="v2"), VerifyMode.TAG)

    assert reason == "WrongTag"
    assert message.startswith("tag v2 is in truth the tag v1")


def test_a_tag_of_a_tag_is_refused(setting: SignedSetting) -> None:
    ada = ssh_signer(setting.folder, "ada")
    setting.trust(ada__pub=ada.public)
    setting.repo.commit({})
    ada.tag(setting.repo, "v1")
    setting.repo.git(
        "-c", "advice.nestedTag=false", *ada.options, "tag", "-s", "-m", "x", "v2", "v1"
    )

    assert setting.refusal(setting.source(tag="v2"), VerifyMode.TAG)[0] == "WrongTag"


def test_a_branch_has_no_tag_to_verify(setting: SignedSetting) -> None:
    setting.trust(ada__pub=ssh_signer(setting.folder, "ada").public)
    setting.repo.commit({})

    assert setting.refusal(mode=VerifyMode.TAG)[0] == "WrongTag"
