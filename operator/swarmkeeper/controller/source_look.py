"""One look at a source: what it gives, what is refused, and what stays in force meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from desired_state.git_repository import GitRepositorySpec
from desired_state.sources import Artifact, FetchFailed, NotVerified, Policy, Refusal, Source

SECRETS: Final = Path("/run/secrets")


@dataclass(frozen=True, slots=True)
class Demand:
    """Which signatures the operator asks for, whatever the API's clients say.

    Attributes:
        required: by the operator's settings; a spec can ask for more, never for less.
        secrets: where a spec's `secretRef` is looked up.
    """

    required: Policy | None = None
    secrets: Path = SECRETS

    def policy(self, spec: GitRepositorySpec) -> Policy | None:
        """The policy for a spec; None asks for no signatures.

        Raises:
            NotVerified: signatures are asked for, and there are no keys to judge them by.
        """
        asked = spec.verify
        if asked is None:
            return self.required
        if self.required is not None:
            return Policy(self.required.mode.together(asked.mode), self.required.keys)
        if asked.secret_ref is None:
            message = "spec.verify names no secretRef, and the operator was given no --verify-keys"
            raise NotVerified(Refusal.KEYS_UNAVAILABLE, message)
        return Policy(asked.mode, self.secrets / asked.secret_ref.name)


@dataclass(frozen=True, slots=True)
class Look:
    """What a look gave.

    Attributes:
        artifact: what may be in force, or None.
        mode: what must be signed; empty where nothing must.
        error: why the fetch failed, or empty.
        refusal: why something is not verified, or None.
    """

    artifact: Artifact | None = None
    mode: str = ""
    error: str = ""
    refusal: NotVerified | None = None


def look(source: Source, spec: GitRepositorySpec, demand: Demand, *, remote: bool = True) -> Look:
    """Looks at a source, and verifies what it gives or what stays.

    Args:
        source: where the desired state comes from.
        spec: how it is followed.
        demand: which signatures are asked for.
        remote: False looks only at what is here already.
    """
    mode, error, refusal = str(spec.verify.mode) if spec.verify else "", "", None
    try:
        policy = demand.policy(spec)
        mode = str(policy.mode) if policy else ""
        if remote and not spec.suspend:
            return Look(source.fetch(policy), mode)
    except FetchFailed as failure:
        error = str(failure)
    except NotVerified as refused:
        refusal = refused
    try:
        return Look(source.confirm(demand.policy(spec)), mode, error, refusal)
    except NotVerified as refused:
        return Look(None, mode, error, refusal or refused)
