"""Which public keys a secret is understood to hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from desired_state.sources.evidence import ssh_fingerprint
from desired_state.sources.trusted_keys import TrustedKeys, read_keys
from desired_state.sources.verification import NotVerified, Refusal

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
BLOB = "AAAAC3NzaC1lZDI1NTE5AAAAIA=="
KEY = f"ssh-ed25519 {BLOB}"


def read(folder: Path, **files: str) -> TrustedKeys:
    """Keys from files; `__` in a name stands for a dot."""
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return read_keys(folder, NOW)


def refusal(folder: Path, **files: str) -> str:
    with pytest.raises(NotVerified) as caught:
        read(folder, **files)
    assert caught.value.reason is Refusal.KEYS_UNAVAILABLE
    return caught.value.message.removeprefix("the trusted keys are of no use: ")


@pytest.mark.parametrize(
    ("line", "signer"),
    [
        (f"{KEY} ada@example.org", "ada@example.org"),
        (KEY, "laptop-of-ada"),
        (f"{KEY} Ada's old laptop", "laptop-of-ada"),
        (f"{KEY} *", "laptop-of-ada"),
    ],
    ids=["comment", "none", "words", "wildcard"],
)
def test_a_bare_key_signs_for_its_comment_or_its_file_and_only_in_git(
    tmp_path: Path, line: str, signer: str
) -> None:
    keys = read(tmp_path, **{"laptop of ada__pub": f"# mine\n\n{line}\n"})

    assert keys.signers == [f'{signer} namespaces="git" {KEY}']


def test_an_allowed_signers_file_is_taken_as_it_is(tmp_path: Path) -> None:
    lines = [f"*@example.org cert-authority {KEY}", f'"a b@c" namespaces="git" {KEY} comment']

    assert read(tmp_path, allowed_signers="\n".join(["# us", *lines])).signers == lines


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "folder.pub").mkdir()

    keys = read(tmp_path, ada__pub=KEY, README="read me", notes__txt="notes", __hidden="x")

    assert len(keys.signers) == 1
    assert (keys.revoked, keys.armored) == (None, [])


@pytest.mark.parametrize(
    ("until", "valid"),
    [
        ("20260601", False),
        ("20260603", True),
        ("202606011159Z", False),
        ("202606011201Z", True),
        ("20260601115959Z", False),
        ("20260601120001z", True),
    ],
)
def test_a_key_is_judged_by_todays_date(tmp_path: Path, until: str, valid: bool) -> None:
    keys = read(tmp_path, allowed_signers=f'ada namespaces="git",Valid-Before="{until}" {KEY}\n')

    assert len(keys.signers) == (1 if valid else 0)
    expired = {} if valid else {ssh_fingerprint(b"\0\0\0\x0bssh-ed25519\0\0\0 "): "ada until"}
    assert {key: told.rpartition(" ")[0] for key, told in keys.expired.items()} == expired


def test_a_local_time_is_one_without_a_z(tmp_path: Path) -> None:
    soon = (NOW + timedelta(minutes=1)).astimezone()

    keys = read(tmp_path, allowed_signers=f"ada valid-before={soon:%Y%m%d%H%M%S} {KEY}\n")

    assert keys.expired == {}


def test_what_stands_behind_the_key_is_no_option(tmp_path: Path) -> None:
    keys = read(tmp_path, allowed_signers=f"ada {KEY} valid-before=20200101\n")

    assert keys.expired == {}


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("ada__pub", "nonsense", "ada.pub holds no SSH public key"),
        ("ada__pub", "-----BEGIN OPENSSH PRIVATE KEY-----\nsesame",
         "ada.pub holds a private key: give the public one"),
        ("ada__asc", "-----BEGIN PGP PRIVATE KEY BLOCK-----\nsesame",
         "ada.asc holds a private key: give the public one"),
        ("revoked_keys", f"{KEY}\nada@example.org\n",
         "revoked_keys is neither a list of SSH public keys nor a KRL"),
        ("allowed_signers", f"ada valid-before=20261399 {KEY}",
         "valid-before=20261399 is no date"),
        ("allowed_signers", "ada valid-before=20200101 ssh-ed25519 AAAAC3Nza",
         "{folder} holds something that is no key"),
        ("README", "text",
         "{folder} holds no keys: none of allowed_signers, *.sshpub, *.pub, *.asc"),
    ],
)  # fmt: skip
def test_keys_that_are_of_no_use_are_told_without_their_content(
    tmp_path: Path, name: str, text: str, told: str
) -> None:
    assert refusal(tmp_path, **{name: text}) == told.format(folder=tmp_path)


def test_a_place_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert refusal(tmp_path / "keys") == f"{tmp_path / 'keys'}: no such file or directory"


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "ada.pub").write_bytes(b"\xff\xfe")

    assert refusal(tmp_path) == f"{tmp_path} holds something that is no key"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"{KEY} ada\n", "bare"),
        (f"ada {KEY}\n", "allowed"),
        ("-----BEGIN PGP PUBLIC KEY BLOCK-----\n", "armored"),
    ],
)
def test_a_single_file_is_what_it_holds(tmp_path: Path, text: str, kind: str) -> None:
    file = tmp_path / "signers"
    file.write_text(text)

    keys = read_keys(file, NOW)

    found = {
        "bare": keys.signers == [f'ada namespaces="git" {KEY}'],
        "allowed": keys.signers == [f"ada {KEY}"],
        "armored": keys.armored == [file],
    }
    assert [name for name, true in found.items() if true] == [kind]
