"""`swarmkeeper token`: issues, lists and revokes; the token is shown once."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
import yaml
from support.cli import swarmkeeper

from swarmkeeper.apiserver.kubeconfig import write_kubeconfig


def test_a_token_is_shown_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ("--data-dir", str(tmp_path))
    made = swarmkeeper(capsys, "token", "create", "ann", "--role", "viewer", *data)
    listed = swarmkeeper(capsys, "token", "list", *data)
    told = swarmkeeper(capsys, "token", "list", "--output", "json", *data)

    token = made.out.strip()
    assert (made.code, len(token)) == (0, 43)
    assert listed.out.split()[:2] == ["ann", "viewer"]
    (entry,) = json.loads(told.out)
    assert (entry["name"], entry["role"], set(entry)) == (
        "ann",
        "viewer",
        {"name", "role", "created"},
    )
    assert token not in listed.out + told.out


def test_a_kubeconfig_points_to_the_operator(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own, config = tmp_path / "kubeconfig", tmp_path / "ann.yaml"
    write_kubeconfig(own, server="https://127.0.0.1:1", token="own", authority=b"pem")
    data = ("--data-dir", str(tmp_path))
    asked = ("token", "create", "ann", "--role", "admin", "--kubeconfig", str(config), *data)

    ran = swarmkeeper(capsys, *asked)

    written = yaml.safe_load(config.read_text())
    assert ran.code == 0
    assert written["clusters"] == yaml.safe_load(own.read_text())["clusters"]
    assert written["users"][0]["user"]["token"] not in {"own", ran.out.strip()}
    assert stat.S_IMODE(config.stat().st_mode) == 0o600


def test_a_kubeconfig_may_name_another_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    authority, config = tmp_path / "ca.pem", tmp_path / "ann.yaml"
    authority.write_bytes(b"ca")
    options = ("--server", "https://swarm.example.org", "--certificate-authority", str(authority))
    where = ("--kubeconfig", str(config), "--data-dir", str(tmp_path))

    ran = swarmkeeper(capsys, "token", "create", "ann", "--role", "viewer", *options, *where)

    assert ran.code == 0
    assert yaml.safe_load(config.read_text())["clusters"][0]["cluster"] == {
        "server": "https://swarm.example.org",
        "certificate-authority-data": "Y2E=",
    }


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("create", "Ann", "--role", "viewer"), "is no name"),
        (("create", "ann", "--role", "viewer", "--server", "https://x"), "--kubeconfig"),
        (("create", "ann", "--role", "viewer", "--kubeconfig", "/x/y"), "start the operator once"),
        (("revoke", "ann"), "no token ann"),
    ],
    ids=["name", "server", "no-kubeconfig", "revoke"],
)
def test_what_is_wrong_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], told: str
) -> None:
    ran = swarmkeeper(capsys, "token", *arguments, "--data-dir", str(tmp_path))

    assert (ran.code, told in ran.err) == (1, True), ran.err
    assert not (tmp_path / "tokens/ann.json").exists()


def test_a_kubeconfig_that_cannot_be_written_leaves_no_token(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_kubeconfig(tmp_path / "kubeconfig", server="https://127.0.0.1:1", token="own")
    where = ("--kubeconfig", str(tmp_path / "none/ann"), "--data-dir", str(tmp_path))

    ran = swarmkeeper(capsys, "token", "create", "ann", "--role", "viewer", *where)

    assert ran.code == 1
    assert swarmkeeper(capsys, "token", "list", "--data-dir", str(tmp_path)).out == ""


def test_a_token_is_revoked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ("--data-dir", str(tmp_path))
    swarmkeeper(capsys, "token", "create", "ann", "--role", "operator", *data)

    assert swarmkeeper(capsys, "token", "revoke", "ann", *data).code == 0
    assert swarmkeeper(capsys, "token", "list", *data).out == ""
