"""Declared fields that are one value at one place: image, user, policies, resources, replicas."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import Any, Final

from pydantic.alias_generators import to_camel

from desired_state.objects import JsonObject
from reconcilers.swarm_service.document import CONTAINER, TEMPLATE, Path, dig, put
from reconcilers.swarm_service.fields import Field, same
from reconcilers.swarm_service.normalise import (
    constraint,
    constraints,
    image_name,
    nanoseconds,
    show_arguments,
    show_bytes,
    show_cpus,
    show_duration,
)
from reconcilers.swarm_service.parts import ReplicasOwner
from reconcilers.swarm_service.spec import STACK_LABEL, SwarmServiceSpec
from swarmkeeper.runtime.diff import ABSENT

SECOND: Final = 10**9
ONE_UNLESS_POLICY: Final = "1, or 0 (all at once) where there is a policy without the number"


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table below.

    Attributes:
        attribute: attribute of the spec, e.g. `update.max_failure_ratio`.
        place: where the engine keeps it.
        default: what the engine means where it is absent.
        encode: declared value -> the engine's.
        normal: the engine's value -> one spelling of it.
        show: the engine's value -> what people write.
        restarts: whether changing it restarts tasks.
    """

    attribute: str
    place: Path
    default: Any = None
    encode: Callable[[Any], Any] = same
    normal: Callable[[Any], Any] = same
    show: Callable[[Any], Any] = same
    restarts: bool = True


def _test(command: Any) -> list[str]:
    return ["CMD-SHELL", command] if isinstance(command, str) else _keyword(list(command))


def _keyword(command: list[str]) -> list[str]:
    known = command[:1] in (["NONE"], ["CMD"], ["CMD-SHELL"])
    return command if known else ["CMD", *command]


def _or(default: int) -> Callable[[Any], Any]:
    return lambda value: value or default


def _ratio(value: Any) -> float:
    return round(float(value), 6)


def _duration(attribute: str, place: Path, default: int = 0, *, restarts: bool = True) -> Setting:
    return Setting(attribute, place, default, nanoseconds, show=show_duration, restarts=restarts)


def _policy(attribute: str, key: str) -> Iterator[Setting]:
    def row(name: str, engine: str, default: Any, encode: Callable[[Any], Any] = str) -> Setting:
        return Setting(f"{attribute}.{name}", (key, engine), default, encode, restarts=False)

    yield Setting(
        f"{attribute}.parallelism", (key, "Parallelism"), ONE_UNLESS_POLICY, restarts=False
    )
    yield _duration(f"{attribute}.delay", (key, "Delay"), restarts=False)
    yield row("order", "Order", "stop-first")
    yield row("failure_action", "FailureAction", "pause")
    yield Setting(
        f"{attribute}.monitor",
        (key, "Monitor"),
        0,
        nanoseconds,
        normal=_or(5 * SECOND),  # the engine takes 0 for its default
        show=show_duration,
        restarts=False,
    )
    yield Setting(
        f"{attribute}.max_failure_ratio",
        (key, "MaxFailureRatio"),
        0,
        normal=_ratio,
        restarts=False,
    )


_HEALTH: Final = (*CONTAINER, "Healthcheck")
_RESTART: Final = (*TEMPLATE, "RestartPolicy")
_LIMITS: Final = (*TEMPLATE, "Resources", "Limits")
_RESERVED: Final = (*TEMPLATE, "Resources", "Reservations")

SETTINGS: Final[tuple[Setting, ...]] = (
    Setting("command", (*CONTAINER, "Command"), [], list, show=show_arguments),
    Setting("args", (*CONTAINER, "Args"), [], list, show=show_arguments),
    Setting("user", (*CONTAINER, "User"), ""),
    Setting("init", (*CONTAINER, "Init"), ABSENT),
    _duration("stop_grace_period", (*CONTAINER, "StopGracePeriod"), 10 * SECOND),
    Setting(
        "health_check.command", (*_HEALTH, "Test"), [], _test, normal=list, show=show_arguments
    ),
    _duration("health_check.interval", (*_HEALTH, "Interval")),
    _duration("health_check.timeout", (*_HEALTH, "Timeout")),
    Setting("health_check.retries", (*_HEALTH, "Retries"), 0),
    _duration("health_check.start_period", (*_HEALTH, "StartPeriod")),
    Setting("endpoint_mode", ("EndpointSpec", "Mode"), "vip", str),
    *_policy("update", "UpdateConfig"),
    *_policy("rollback", "RollbackConfig"),
    Setting("restart_policy.condition", (*_RESTART, "Condition"), "any", str),
    _duration("restart_policy.delay", (*_RESTART, "Delay"), 5 * SECOND),
    Setting("restart_policy.max_attempts", (*_RESTART, "MaxAttempts"), 0),
    _duration("restart_policy.window", (*_RESTART, "Window")),
    Setting("resources.limits.cpus", (*_LIMITS, "NanoCPUs"), 0, show=show_cpus),
    Setting("resources.limits.memory", (*_LIMITS, "MemoryBytes"), 0, show=show_bytes),
    Setting("resources.reservations.cpus", (*_RESERVED, "NanoCPUs"), 0, show=show_cpus),
    Setting("resources.reservations.memory", (*_RESERVED, "MemoryBytes"), 0, show=show_bytes),
    Setting("placement.max_replicas_per_node", (*TEMPLATE, "Placement", "MaxReplicas"), 0),
)


def value_of(spec: SwarmServiceSpec, declared: Mapping[str, Any], attribute: str) -> Any:
    """The declared value of an attribute such as `update.delay`, or None if it is not declared."""
    path, get = _reading(attribute)
    if path[0] not in declared:  # most are not, and this is asked for each one in every pass
        return None
    return None if dig(declared, path) is None else get(spec)


@cache
def _reading(attribute: str) -> tuple[Path, Callable[[SwarmServiceSpec], Any]]:
    """How an attribute is found as declared and in the model: asked for in every pass."""
    return tuple(map(to_camel, attribute.split("."))), attrgetter(attribute)


def setting_fields(spec: SwarmServiceSpec, declared: Mapping[str, Any]) -> Iterator[Field]:
    """All declared fields that are one value."""
    yield from _mode(spec, declared)
    if spec.replicas is not None and spec.replicas_owner is ReplicasOwner.GIT:
        yield Field(
            "spec.replicas", spec.replicas, replicas_of, _write_replicas(spec.replicas), False
        )
    if spec.stack is not None:
        yield _scalar(Setting("stack", ("Labels", STACK_LABEL), ABSENT, restarts=False), spec.stack)
    if spec.image is not None:
        yield _image(spec.image)
    for setting in SETTINGS:
        value = value_of(spec, declared, setting.attribute)
        if value is not None:
            yield _scalar(setting, value)
    if spec.placement.constraints is not None:
        yield _constraints(spec.placement.constraints)


def mode_of(spec: Mapping[str, Any]) -> str:
    """replicated, global, replicated-job or global-job."""
    mode = spec.get("Mode") or {}
    for key, name in _MODES.items():
        if mode.get(key) is not None:
            return name
    return "replicated"


def replicas_of(spec: Mapping[str, Any]) -> Any:
    """Replicas of a live spec; `ABSENT` for a service without that number."""
    if mode_of(spec) != "replicated":
        return ABSENT
    return dig(spec, ("Mode", "Replicated", "Replicas"), 1)


_MODES: Final = {
    "Global": "global",
    "ReplicatedJob": "replicated-job",
    "GlobalJob": "global-job",
}


def _mode(spec: SwarmServiceSpec, declared: Mapping[str, Any]) -> Iterator[Field]:
    mode = value_of(spec, declared, "service_mode")
    if mode is None:
        return

    def write(document: JsonObject) -> None:
        document["Mode"] = {"Global": {}} if mode == "global" else {"Replicated": {"Replicas": 1}}

    yield Field("spec.serviceMode", str(mode), mode_of, write)


def _write_replicas(replicas: int) -> Callable[[JsonObject], None]:
    def write(document: JsonObject) -> None:
        if mode_of(document) != "replicated":
            document["Mode"] = {}
        put(document, ("Mode", "Replicated", "Replicas"), replicas)

    return write


def _scalar(setting: Setting, value: Any) -> Field:
    def read(document: Mapping[str, Any]) -> Any:
        default = setting.default
        if default == ONE_UNLESS_POLICY:
            default = 1 if dig(document, setting.place[:-1]) is None else 0
        return setting.normal(dig(document, setting.place, default))

    path = ".".join(_reading(setting.attribute)[0])
    encoded = setting.encode(value)
    return Field(
        f"spec.{path}",
        want=setting.normal(encoded),
        read=read,
        write=lambda document: put(document, setting.place, encoded),
        restarts=setting.restarts,
        show=setting.show,
    )


def _image(image: str) -> Field:
    pinned = "@" in image
    place = (*CONTAINER, "Image")
    return Field(
        "spec.image",
        want=image_name(image, digest=pinned),
        read=lambda document: image_name(dig(document, place, ""), digest=pinned),
        write=lambda document: put(document, place, image),
    )


def _constraints(wanted: tuple[str, ...]) -> Field:
    place = (*TEMPLATE, "Placement", "Constraints")

    def write(document: JsonObject) -> None:
        missing = {constraint(text): text for text in wanted}
        kept = [c for c in dig(document, place, []) if missing.pop(constraint(c), None) is not None]
        put(document, place, [*kept, *missing.values()])

    return Field(
        "spec.placement.constraints",
        want=constraints(wanted),
        read=lambda document: constraints(dig(document, place, [])),
        write=write,
    )
