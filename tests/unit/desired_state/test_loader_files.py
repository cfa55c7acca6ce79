"""Which files are read, which are passed over in silence, and which are refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from support.trees import load, ref, service, write

from desired_state import tree_files

COMPOSE = "services:\n  web:\n    image: x\n"


def names(root: Path) -> list[str]:
    return [each.name for each in load(root).objects]


def test_all_yaml_files_are_read_in_order_and_hidden_ones_are_not(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "b.yml": service("b"),
            "a/x.yaml": service("a"),
            ".git/c.yaml": service("c"),
            ".hidden.yaml": service("d"),
            "e.txt": service("e"),
            "f.json": "{}",
        },
    )

    assert names(tmp_path) == ["a", "b"]


def test_files_of_other_tools_are_passed_over_in_silence(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "compose.yaml": COMPOSE,
            "k8s.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: x}\n",
            "template.yaml": "a: {{ .Values.x }}\n  b: 'x",
            "latin.yaml": "# caf\xe9".encode("latin-1"),
            "empty.yaml": "",
            "comment.yaml": "# nothing\n---\n",
            "list.yaml": "- a\n- b\n",
            "ours.yaml": service("ours"),
        },
    )

    snapshot = load(tmp_path)

    assert snapshot.problems == ()
    assert list(snapshot.objects) == [ref("ours")]
    assert snapshot.complete


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": b"\xef\xbb\xbf" + service("a").encode()})

    assert names(tmp_path) == ["a"]


def test_a_file_that_is_not_utf8_is_told_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": service("a").encode() + "# caf\xe9".encode("latin-1")})

    assert [str(p) for p in load(tmp_path).problems] == [
        "a.yaml:6: is not UTF-8 text: save it as UTF-8"
    ]


def test_a_link_that_leaves_the_tree_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write(tmp_path, {"outside.yaml": service("outside"), "root/a.yaml": service("a")})
    (root / "link.yaml").symlink_to(tmp_path / "outside.yaml")
    (root / "up.yaml").symlink_to("../outside.yaml")
    (root / "folder").symlink_to(tmp_path)

    snapshot = load(root)

    assert [str(problem) for problem in snapshot.problems] == [
        f"{name}.yaml: is a symbolic link that leaves the tree: refused" for name in ("link", "up")
    ]
    assert list(snapshot.objects) == [ref("a")]


def test_links_inside_the_tree_are_read_once(tmp_path: Path) -> None:
    write(tmp_path, {"..data/a.yaml": service("a"), "b.yaml": service("b")})
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    (tmp_path / "again.yaml").symlink_to("b.yaml")
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    (tmp_path / "dead.yaml").symlink_to("nowhere.yaml")

    snapshot = load(tmp_path)

    assert [each.name for each in snapshot.objects] == ["a", "b"]
    assert [problem.path for problem in snapshot.problems] == ["dead.yaml", "loop.yaml"]


def test_a_root_that_is_a_link_is_followed(tmp_path: Path) -> None:
    write(tmp_path, {"real/a.yaml": service("a")})
    (tmp_path / "root").symlink_to("real")

    assert names(tmp_path / "root") == ["a"]


def test_a_file_that_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"a.yaml": service("a"), "b.yaml": service("b")})
    opened = Path.open

    def refuse(self: Path, mode: str = "r", **further: Any) -> object:
        if self.name == "a.yaml":
            raise PermissionError(13, "Permission denied", str(self))
        return opened(self, mode, **further)

    monkeypatch.setattr(Path, "open", refuse)

    snapshot = load(tmp_path)

    assert [str(p) for p in snapshot.problems] == ["a.yaml: cannot be read: permission denied"]
    assert snapshot.unreadable == ("a.yaml",)


def test_a_folder_that_cannot_be_read_keeps_what_was_below_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"sub/deep/a.yaml": service("a"), "b.yaml": service("b")})
    before = load(tmp_path)
    scanned = os.scandir

    def refuse(path: Path) -> object:
        if path.name == "sub":
            raise PermissionError(13, "Permission denied", str(path))
        return scanned(path)

    monkeypatch.setattr(os, "scandir", refuse)

    after = load(tmp_path, before)

    assert [str(p) for p in after.problems] == ["sub: cannot be read: permission denied"]
    assert after.objects[ref("a")].stale


def test_a_huge_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree_files, "MAX_BYTES", 2**20)
    write(tmp_path, {"a.yaml": b"#" * (2**20 + 1)})

    assert [str(p) for p in load(tmp_path).problems] == ["a.yaml: is larger than 1 MiB: refused"]


def test_an_alias_bomb_is_refused_quickly(tmp_path: Path) -> None:
    layers = "".join(f"  l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]\n" for i in range(1, 12))
    write(tmp_path, {"a.yaml": service("a") + "---\nspec:\n  l0: &l0 [x]\n" + layers})

    (problem,) = load(tmp_path).problems

    assert "has more than 200,000 values, aliases included" in str(problem)


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ("*.draft.yaml", ["a", "b", "d"]),
        ("sub/", ["a", "c"]),
        ("/a.yaml\n# comment\n\n", ["b", "c", "d"]),
        ("sub/**", ["a", "c"]),
        ("**/d.yaml", ["a", "b", "c"]),
        ("*.yaml\n!a.yaml", ["a"]),
        ("s?b", ["a", "c"]),
    ],
)
def test_ignored_files_are_left_out(tmp_path: Path, patterns: str, expected: list[str]) -> None:
    write(
        tmp_path,
        {
            ".swarmkeeperignore": patterns,
            "a.yaml": service("a"),
            "sub/b.yaml": service("b"),
            "c.draft.yaml": service("c"),
            "sub/deep/d.yaml": service("d"),
        },
    )

    assert sorted(names(tmp_path)) == expected
