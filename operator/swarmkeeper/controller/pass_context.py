"""What surrounds a pass: its span, the keys of its log lines, and the secrets that it must not tell."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from desired_state.objects import JsonObject, ObjectRef
from swarmkeeper.controller.acting import revision_of
from swarmkeeper.controller.deps import Deps
from swarmkeeper.runtime import log_context
from swarmkeeper.runtime.tracing import Span


@contextmanager
def pass_context(
    deps: Deps, ref: ObjectRef, stored: JsonObject, reconcile_id: str
) -> Iterator[Span]:
    """Around one pass over an object.

    Args:
        deps: the controller's parts.
        ref: the object.
        stored: as the API has it.
        reconcile_id: as in the audit trail.
    """
    metadata, revision = stored["metadata"], revision_of(stored)
    with (
        deps.redactor.within(stored.get("spec") or {}),
        log_context.bound(object=str(ref), reconcile_id=reconcile_id, revision=revision),
        deps.tracer.span(
            "reconcile",
            kind=ref.kind,
            namespace=ref.namespace,
            name=ref.name,
            uid=str(metadata["uid"]),
            generation=int(metadata.get("generation", 1)),
            revision=revision,
            reconcile_id=reconcile_id,
        ) as span,
        log_context.bound(trace_id=span.trace_id),
    ):
        yield span
