"""Traefik's acme.json: one certificate goes and comes back, and nothing else changes."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from support.tls import Authority, Pair

from swarmkeeper.adapters.tls.traefik_storage import TraefikFiles
from swarmkeeper.runtime.certificates import CertificateError
from swarmkeeper.runtime.traefik_storage import Storage

CA = Authority()
WHERE = Storage("acme.json", "le")


def entry(pair: Pair, name: str) -> dict[str, Any]:
    text, key = (base64.b64encode(part).decode() for part in (pair.chain, pair.key))
    return {"domain": {"main": name}, "certificate": text, "key": key, "Store": "default"}


@pytest.fixture
def pairs() -> list[Pair]:
    return [CA.issue(name) for name in ("a.test", "b.test", "c.test")]


@pytest.fixture
def file(tmp_path: Path, pairs: list[Pair]) -> Path:
    names = ("a.test", "b.test", "c.test")
    entries = [entry(pair, name) for pair, name in zip(pairs, names, strict=True)]
    account = {"Email": "é@a.test", "Registration": {"uri": "https://ca/1?a=1&b=<2>"}}
    document = {
        "le": {"Account": account, "Certificates": entries},
        "other": {"Account": None, "Certificates": None},
    }
    text = json.dumps(document, indent=2, ensure_ascii=False)
    for character in "&<>":
        text = text.replace(character, f"\\u{ord(character):04x}")
    path = tmp_path / "acme.json"
    path.write_text(text)
    path.chmod(0o600)
    return path


def names(file: Path) -> list[str]:
    entries = json.loads(file.read_text())["le"]["Certificates"]
    return [one["domain"]["main"] for one in entries]


def test_one_certificate_is_taken_out_and_put_back_byte_for_byte(
    file: Path, pairs: list[Pair]
) -> None:
    files, before = TraefikFiles(file.parent), file.read_bytes()

    for _ in range(2):
        files.take_out(WHERE, pairs[1].serial, "k")
        assert names(file) == ["a.test", "c.test"]
    for _ in range(2):
        files.put_back(WHERE, pairs[1].serial, "k")
        assert file.read_bytes() == before
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_old_one_replaces_a_new_one_for_the_same_names_and_others_stay(
    file: Path, pairs: list[Pair]
) -> None:
    files = TraefikFiles(file.parent)
    files.take_out(WHERE, pairs[1].serial, "k")
    document = json.loads(file.read_text())
    for name in ("b.test", "d.test"):
        document["le"]["Certificates"].append(entry(CA.issue(name), name))
    file.write_text(json.dumps(document))

    files.put_back(WHERE, pairs[1].serial, "k")

    assert names(file) == ["a.test", "b.test", "c.test", "d.test"]
    assert pairs[1].serial in {one.serial for one in files.certificates(WHERE)}


@pytest.mark.parametrize("damage", ["", "{", '{"other": {}}'])
def test_a_file_that_can_not_be_read_any_more_is_put_back_whole(
    file: Path, pairs: list[Pair], damage: str
) -> None:
    files, before = TraefikFiles(file.parent), file.read_bytes()
    files.take_out(WHERE, pairs[1].serial, "k")
    file.write_text(damage)

    files.put_back(WHERE, pairs[1].serial, "k")

    assert file.read_bytes() == before


def test_the_last_three_copies_are_kept_with_mode_0600(file: Path, pairs: list[Pair]) -> None:
    files = TraefikFiles(file.parent)
    for key in "abcde":
        files.back_up(WHERE, pairs[0].serial, key)

    copies = list(file.parent.glob("acme.json.swarmkeeper-*"))

    assert len(copies) == 3
    assert {one.stat().st_mode & 0o777 for one in copies} == {0o600}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("missing.json", ""),
        ("../acme.json", "{}"),
        ("link.json", "{}"),
        ("acme.json", "[]"),
        ("acme.json", '{"le": {"Certificates": ["secret"]}}'),
    ],
    ids=["missing", "outside", "link to the outside", "a list", "no entries"],
)
def test_what_is_no_file_of_traefiks_is_told_and_not_touched(
    tmp_path: Path, path: str, text: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "acme.json").write_text(text)
    (folder / "link.json").symlink_to(tmp_path / "acme.json")
    if path == "acme.json":
        (folder / path).write_text(text)

    with pytest.raises(CertificateError) as error:
        TraefikFiles(folder).take_out(Storage(path, "le"), "1", "k")

    assert error.value.reason == "StorageUnreadable"
    assert "secret" not in error.value.message
    assert (tmp_path / "acme.json").read_text() == text
