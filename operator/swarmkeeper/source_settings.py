"""What the settings say of the source, its signatures, and the GitRepository object that stands for it."""

from __future__ import annotations

from desired_state.git_repository import GIT_REPOSITORY
from desired_state.objects import API_VERSION, JsonObject
from desired_state.sources import FolderSource, GitSource, Policy, Source, SourceConfig
from swarmkeeper.controller.source_look import Demand
from swarmkeeper.settings import Settings


def demand(settings: Settings) -> Demand:
    """Which signatures the settings ask for.

    Raises:
        ValueError: they ask for what can't be; the message names the options.
    """
    mode, keys = settings.verify_mode, settings.verify_keys
    if mode is None and keys is None:
        return Demand(secrets=settings.secrets)
    if mode is None or keys is None:
        raise ValueError("--verify-mode and --verify-keys go together: give both")
    if settings.folder is not None:
        raise ValueError("--verify-mode: a plain folder is not signed, use --git")
    if mode.tag and not settings.tag:
        raise ValueError(f"--verify-mode: {mode} needs a tag to follow, give --tag")
    return Demand(Policy(mode, keys.absolute()), settings.secrets)


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


def source_of(settings: Settings) -> Source | None:
    """Where the desired state comes from; None where the settings name nothing."""
    if settings.folder is not None:
        return FolderSource(settings.folder.resolve())
    if not settings.git:
        return None
    config = SourceConfig(
        url=settings.git,
        **settings.ref,
        path=settings.path,
        token_file=settings.git_token_file,
        ssh_key_file=settings.git_ssh_key_file,
        known_hosts_file=settings.git_known_hosts_file,
        ca_file=settings.git_ca_file,
    )
    return GitSource(config, settings.data_dir / "source")


def repository(settings: Settings) -> JsonObject:
    """The GitRepository object that says what the settings say."""
    spec: JsonObject = {
        "url": settings.git or str(settings.folder.resolve() if settings.folder else ""),
        "path": settings.path,
        "interval": f"{settings.source_interval.total_seconds():g}s",
        "prune": settings.prune,
        "allowEmpty": settings.allow_empty,
    }
    if settings.git:
        spec.update(settings.ref)
    if settings.verify_mode is not None:
        spec["verify"] = {"mode": str(settings.verify_mode)}
    return {
        "apiVersion": API_VERSION,
        "kind": GIT_REPOSITORY.name,
        "metadata": {"name": settings.source_name},
        "spec": spec,
    }
