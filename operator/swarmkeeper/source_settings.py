"""What the settings say of a source's signatures, and of the GitRepository object that stands for it."""

from __future__ import annotations

from desired_state.objects import JsonObject
from desired_state.sources import Policy
from swarmkeeper.controller.source_look import Demand
from swarmkeeper.settings import Settings


def demand(settings: Settings) -> Demand:
    """Which signatures the settings ask for.

    Raises:
        ValueError: they ask for what can't be; the message names the options.
    """
    mode, keys = settings.verify_mode, settings.verify_keys
    if mode is None and keys is None:
        return Demand()
    if mode is None or keys is None:
        raise ValueError("--verify-mode and --verify-keys go together: give both")
    if settings.folder is not None:
        raise ValueError("--verify-mode: a plain folder is not signed, use --git")
    if mode.tag and not settings.tag:
        raise ValueError(f"--verify-mode: {mode} needs a tag to follow, give --tag")
    return Demand(Policy(mode, keys.absolute()))


def seeded(stored: JsonObject, wanted: JsonObject) -> JsonObject:
    """A stored spec with what the settings say; a `secretRef` that a client gave stays.

    Args:
        stored: the spec as it is.
        wanted: the fields that the settings know.
    """
    spec = {**stored, **wanted}
    spec.pop("branch" if "tag" in wanted else "tag", None)
    verify = stored.get("verify") or {}
    if "secretRef" in verify:
        spec["verify"] = {**verify, **wanted.get("verify", {})}
    elif "verify" not in wanted:
        spec.pop("verify", None)  # an earlier setting's
    return spec
