"""`swarmkeeper plan` on a machine that does not see what the operator has published."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.cli import swarmkeeper

CERTIFICATE = """
apiVersion: swarmkeeper.dev/v1alpha1
kind: Certificate
metadata: {name: website}
spec:
  dnsNames: [app.test]
  endpoints: [{host: 127.0.0.1, port: 9}]
  issuer: {acme: {server: "https://127.0.0.1:9/dir"}}
  publish: {}
"""
BACKUP = """
apiVersion: swarmkeeper.dev/v1alpha1
kind: PostgresBackup
metadata: {{name: orders}}
spec:
  server: {{host: 127.0.0.1, port: 9, database: orders}}
  folder: {folder}
  maximumAge: 24h
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "website.yaml").write_text(CERTIFICATE)
    return tree


def test_what_is_not_seen_from_here_is_unknown_and_not_missing(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = ("--docker-host", f"unix://{tmp_path}/nobody.sock")

    ran = swarmkeeper(capsys, "plan", str(tree), *engine)

    assert ran.code == 1
    assert "what is published is not seen from here: --certificates names its folder" in ran.out
    assert "-> renew" not in ran.out


def test_where_the_folder_is_seen_an_empty_one_is_known_to_be_empty(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = ("--docker-host", f"unix://{tmp_path}/nobody.sock")

    ran = swarmkeeper(capsys, "plan", str(tree), *engine, "--certificates", str(tmp_path))

    assert ran.code == 2
    assert "-> renew certificate/website" in ran.out


def test_a_folder_of_backups_that_is_not_here_is_unknown_and_not_empty(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tree / "website.yaml").unlink()
    (tree / "orders.yaml").write_text(BACKUP.format(folder=tmp_path / "backups"))
    engine = ("--docker-host", f"unix://{tmp_path}/nobody.sock")

    elsewhere = swarmkeeper(capsys, "plan", str(tree), *engine)
    (tmp_path / "backups").mkdir()
    here = swarmkeeper(capsys, "plan", str(tree), *engine)

    assert (elsewhere.code, here.code) == (1, 2)
    assert "is known where the operator runs" in elsewhere.out
    assert "-> backup" not in elsewhere.out
    assert "-> backup database/orders" in here.out
