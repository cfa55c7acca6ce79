"""Issued tokens: only a digest is kept, files that can't be used harm nobody."""

from __future__ import annotations

import json
import logging
import stat
from pathlib import Path

import pytest

from swarmkeeper.apiserver.access import Access, Tokens
from swarmkeeper.apiserver.roles import Identity, Role
from swarmkeeper.apiserver.tokens import SecretTokens, TokenError, TokenFolder, digest_of
from swarmkeeper.runtime.ports import ApiError


def test_only_a_digest_is_kept(tmp_path: Path) -> None:
    folder = TokenFolder(tmp_path / "tokens")
    token = folder.create("ann", Role.VIEWER)
    path = tmp_path / "tokens/ann.json"

    assert token not in path.read_text()
    assert json.loads(path.read_text())["sha256"] == digest_of(token).hex()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    (known,) = folder.known()
    assert (known.name, known.role) == ("ann", Role.VIEWER)
    assert digest_of(token).hex() not in repr(known)


@pytest.mark.parametrize("name", ["", "../ann", "Ann", "a" * 64, "a.b"])
def test_a_name_is_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(TokenError, match="is no name"):
        TokenFolder(tmp_path).create(name, Role.VIEWER)


def test_a_name_is_taken_once_and_revoked_once(tmp_path: Path) -> None:
    folder = TokenFolder(tmp_path)
    folder.create("ann", Role.VIEWER)

    with pytest.raises(TokenError, match="already"):
        folder.create("ann", Role.ADMIN)
    folder.revoke("ann")
    with pytest.raises(TokenError, match="no token ann"):
        folder.revoke("ann")
    assert folder.known() == []


def test_no_token_is_issued_for_the_controllers(tmp_path: Path) -> None:
    with pytest.raises(TokenError):
        TokenFolder(tmp_path).create("ann", Role.CONTROLLER)


@pytest.mark.parametrize(
    "change",
    [
        {"role": "controller"},
        {"role": "root"},
        {"name": "swarmkeeper"},
        {"sha256": "secret"},
        {"more": 1},
    ],
    ids=str,
)
def test_files_that_are_not_ours_are_left_out_and_told(
    tmp_path: Path, change: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    folder = TokenFolder(tmp_path)
    folder.create("ann", Role.VIEWER)
    folder.create("bob", Role.VIEWER)
    path = tmp_path / "ann.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))

    with caplog.at_level(logging.WARNING):
        assert [known.name for known in folder.known()] == ["bob"]
    assert [record.__dict__["file"] for record in caplog.records] == [str(path)]


def test_docker_secrets_hold_tokens(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    good, short = "s" * 40, "short-secret"
    (tmp_path / "swarmkeeper-token.viewer.grafana").write_text(good + "\n")
    (tmp_path / "swarmkeeper-token.viewer.short").write_text(short)
    (tmp_path / "swarmkeeper-token.root.ann").write_text(good)
    (tmp_path / "swarmkeeper-token.viewer.bytes").write_bytes(b"\xff" * 40)
    (tmp_path / "another-secret").write_text(good)

    access = Access(Tokens.generate(), [SecretTokens(tmp_path)])

    assert access.identify(f"Bearer {good}") == Identity("token:grafana", Role.VIEWER)
    with pytest.raises(ApiError):
        access.identify(f"Bearer {short}")
    assert short not in caplog.text


def test_folders_need_not_exist(tmp_path: Path) -> None:
    assert TokenFolder(tmp_path / "none").known() == []
    assert SecretTokens(tmp_path / "none").known() == []


def test_a_new_token_works_and_a_revoked_one_ends(tmp_path: Path) -> None:
    folder = TokenFolder(tmp_path)
    access = Access(Tokens.generate(), [folder])
    token = folder.create("ann", Role.OPERATOR)
    ended: list[str] = []

    assert access.identify(f"Bearer {token}").role is Role.OPERATOR
    with access.session(f"Bearer {token}", lambda: ended.append("ann")):
        access.refresh()
        assert ended == []
        folder.revoke("ann")
        access.refresh()
    access.refresh()
    assert ended == ["ann"]
    with pytest.raises(ApiError):
        access.identify(f"Bearer {token}")
