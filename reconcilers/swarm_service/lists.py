"""Declared fields with many entries: environment, labels, ports, mounts, networks, files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from desired_state.objects import JsonObject
from reconcilers.swarm_service.document import CONTAINER, TEMPLATE, Path, dig, put
from reconcilers.swarm_service.fields import Field
from reconcilers.swarm_service.normalise import show_setting
from reconcilers.swarm_service.parts import Mount, NetworkAttachment, Port, Reference
from swarmkeeper.runtime.diff import ABSENT

_ENV: Final = (*CONTAINER, "Env")
_FILE_DEFAULTS: Final = {"UID": "0", "GID": "0", "Mode": 0o444}

Element = JsonObject
"""One entry of a list: the engine's, or the same in normal form."""


@dataclass(frozen=True, slots=True)
class Codec:
    """How the entries of one list are recognised, read and written.

    Attributes:
        place: where the engine keeps the list.
        key: identity of an entry in normal form.
        decode: the engine's entry -> normal form.
        encode: changes the engine's entry in place to an entry in normal form.
    """

    place: Path
    key: Callable[[Element], str]
    decode: Callable[[Element], Element]
    encode: Callable[[Element, Element], None]


def list_field(path: str, wanted: Iterable[Element], codec: Codec) -> Field:
    """A list that is owned as a whole, in any order.

    Of an entry that is there already only the declared parts are compared and changed.
    """
    wants = {codec.key(want): want for want in wanted}

    def seen(element: Element) -> tuple[str, Element]:
        got = codec.decode(element)
        want = wants.get(codec.key(got))
        return codec.key(got), got if want is None else {name: got.get(name) for name in want}

    def read(document: Mapping[str, Any]) -> list[Element]:
        found = [seen(element) for element in dig(document, codec.place, [])]
        return [got for _, got in sorted(found, key=lambda pair: pair[0])]

    def write(document: JsonObject) -> None:
        missing, kept = dict(wants), []
        for element in dig(document, codec.place, []):
            key, got = seen(element)
            want = missing.pop(key, None)
            if want is not None:
                if got != want:
                    codec.encode(element, want)
                kept.append(element)
        for want in missing.values():
            kept.append({})
            codec.encode(kept[-1], want)
        put(document, codec.place, kept)

    return Field(path, [wants[key] for key in sorted(wants)], read, write)


def env_fields(env: Mapping[str, str | None]) -> Iterator[Field]:
    """One field for each declared environment variable."""
    for name, value in env.items():
        yield Field(
            f"spec.env.{name}",
            want=ABSENT if value is None else value,
            read=partial(_read_env, name),
            write=partial(_write_env, name, value),
            show=partial(show_setting, name),
        )


def label_fields(
    path: str, place: Path, labels: Mapping[str, str | None], *, restarts: bool
) -> Iterator[Field]:
    """One field for each declared label."""
    for name, value in labels.items():
        yield Field(
            f"{path}.{name}",
            want=ABSENT if value is None else value,
            read=partial(_read_label, place, name),
            write=partial(_write_label, place, name, value),
            restarts=restarts,
            show=partial(show_setting, name),
        )


def ports_field(ports: Iterable[Port]) -> Field:
    """The published ports."""
    return list_field("spec.ports", [_port(p.model_dump(mode="json")) for p in ports], PORTS)


def mounts_field(mounts: Iterable[Mount]) -> Field:
    """The mounts."""
    return list_field(
        "spec.mounts", [m.model_dump(mode="json", by_alias=True) for m in mounts], MOUNTS
    )


def networks_field(networks: Iterable[NetworkAttachment], ids: Mapping[str, str]) -> Field:
    """The networks.

    Args:
        networks: as declared.
        ids: network name -> id.
    """
    names = {id_: name for name, id_ in ids.items()}

    def decode(element: Element) -> Element:
        target = element.get("Target", "")
        return {"name": names.get(target, target), "aliases": element.get("Aliases") or []}

    def encode(element: Element, want: Element) -> None:
        element["Target"] = ids.get(want["name"], want["name"])
        if "aliases" in want:
            element["Aliases"] = want["aliases"]

    codec = Codec((*TEMPLATE, "Networks"), lambda entry: str(entry["name"]), decode, encode)
    wanted = [n.model_dump(mode="json", exclude_none=True) for n in networks]
    return list_field("spec.networks", wanted, codec)


def files_field(what: str, references: Iterable[Reference], ids: Mapping[str, str]) -> Field:
    """Configs or secrets that are mounted as files.

    Args:
        what: `configs` or `secrets`.
        references: as declared.
        ids: name -> id of all configs or secrets.
    """
    noun = what.removesuffix("s").capitalize()
    root = "/run/secrets/" if what == "secrets" else "/"

    def decode(element: Element) -> Element:
        file = {**_FILE_DEFAULTS, **(element.get("File") or {})}
        return {
            "name": element.get(f"{noun}Name", ""),
            "target": str(file.get("Name", "")).removeprefix(root),
            "uid": file["UID"],
            "gid": file["GID"],
            "mode": file["Mode"],
        }

    def encode(element: Element, want: Element) -> None:
        if element.get(f"{noun}Name") != want["name"]:
            element[f"{noun}Name"] = want["name"]
            element[f"{noun}ID"] = ids.get(want["name"], "")
        name = root + want["target"] if what == "configs" else want["target"]
        file = {"Name": name, **_FILE_DEFAULTS, **(element.get("File") or {})}
        given = {key: want[key.lower()] for key in _FILE_DEFAULTS if key.lower() in want}
        element["File"] = file | given

    wanted = [
        r.model_dump(mode="json", exclude_none=True)
        | {"target": (r.target or r.name).removeprefix(root)}
        for r in references
    ]
    codec = Codec((*CONTAINER, f"{noun}s"), lambda entry: str(entry["target"]), decode, encode)
    return list_field(f"spec.{what}", wanted, codec)


def _port(entry: Element) -> Element:
    return {name: entry[name] for name in ("target", "published", "protocol", "mode")}


def _decode_port(element: Element) -> Element:
    return {
        "target": element.get("TargetPort", 0),
        "published": element.get("PublishedPort", 0),
        "protocol": element.get("Protocol") or "tcp",
        "mode": element.get("PublishMode") or "ingress",
    }


def _encode_port(element: Element, want: Element) -> None:
    element["TargetPort"] = want["target"]
    element["Protocol"] = want["protocol"]
    element["PublishMode"] = want["mode"]
    if want["published"]:
        element["PublishedPort"] = want["published"]


def _decode_mount(element: Element) -> Element:
    return {
        "target": element.get("Target", ""),
        "source": element.get("Source", ""),
        "type": element.get("Type") or "bind",
        "readOnly": bool(element.get("ReadOnly", False)),
    }


def _encode_mount(element: Element, want: Element) -> None:
    if element.get("Type") not in (None, want["type"]):
        for options in ("BindOptions", "VolumeOptions", "TmpfsOptions"):
            element.pop(options, None)  # the engine refuses options of another type
    element["Type"] = want["type"]
    element["Target"] = want["target"]
    element["ReadOnly"] = want["readOnly"]
    if want["source"]:
        element["Source"] = want["source"]
    else:
        element.pop("Source", None)


PORTS: Final = Codec(
    ("EndpointSpec", "Ports"),
    lambda entry: "{target:05}/{protocol}:{published:05} {mode}".format(**entry),
    _decode_port,
    _encode_port,
)
MOUNTS: Final = Codec(
    (*CONTAINER, "Mounts"), lambda entry: str(entry["target"]), _decode_mount, _encode_mount
)


def _read_env(name: str, document: Mapping[str, Any]) -> str:
    found = ABSENT
    for entry in dig(document, _ENV, []):
        key, equals, value = entry.partition("=")
        if key == name and equals:
            found = value
    return found


def _write_env(name: str, value: str | None, document: JsonObject) -> None:
    kept, placed = [], value is None
    for entry in dig(document, _ENV, []):
        if entry.partition("=")[0] != name:
            kept.append(entry)
        elif not placed:
            kept.append(f"{name}={value}")
            placed = True
    if not placed:
        kept.append(f"{name}={value}")
    put(document, _ENV, kept)


def _read_label(place: Path, name: str, document: Mapping[str, Any]) -> str:
    found: str = dig(document, place, {}).get(name, ABSENT)
    return found


def _write_label(place: Path, name: str, value: str | None, document: JsonObject) -> None:
    if value is not None:
        put(document, (*place, name), value)
    else:
        dig(document, place, {}).pop(name, None)
