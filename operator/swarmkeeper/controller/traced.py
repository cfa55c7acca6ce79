"""Spans around the steps of a pass: what kinds and API do, told to a tracer. Only where one is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from desired_state.objects import JsonObject, ObjectRef
from desired_state.scheme import Kind
from swarmkeeper.controller.deps import Deps
from swarmkeeper.controller.forwarding import ForwardedObjects
from swarmkeeper.runtime.plan import Action, Plan
from swarmkeeper.runtime.ports import Objects, Ports
from swarmkeeper.runtime.reconciler import Reconciler, Target, Verification
from swarmkeeper.runtime.runbook import Runbook
from swarmkeeper.runtime.tracing import Tracer


def traced(deps: Deps, tracer: Tracer) -> Deps:
    """The controller's parts, with every step of a pass in a span of its own."""
    return replace(
        deps,
        reconcilers={
            name: TracedReconciler(reconciler, tracer)
            for name, reconciler in deps.reconcilers.items()
        },
        objects=TracedObjects(deps.objects, tracer),
        tracer=tracer,
    )


class TracedReconciler:
    """A kind whose steps are spans.

    Args:
        inner: the kind.
        tracer: told of them.
    """

    def __init__(self, inner: Reconciler[Any, Any], tracer: Tracer) -> None:
        self._inner = inner
        self._tracer = tracer
        self.kind: Kind = inner.kind
        self.runbooks: tuple[Runbook, ...] = inner.runbooks
        self.steady: bool = inner.steady

    def signals(self, ref: ObjectRef, spec: Any) -> frozenset[str]:
        """As the kind's."""
        return self._inner.signals(ref, spec)

    def observe(self, target: Target[Any], ports: Ports) -> Any:
        """Span `observe`."""
        with self._tracer.span("observe"):
            return self._inner.observe(target, ports)

    def plan(self, target: Target[Any], observed: Any) -> Plan:
        """Span `plan`, with the numbers of what was found."""
        with self._tracer.span("plan") as span:
            plan = self._inner.plan(target, observed)
            span.note("drift", len(plan.drift))
            span.note("actions", len(plan.actions))
            span.note("unknown", len(plan.unknown))
            return plan

    def act(self, target: Target[Any], action: Action, ports: Ports) -> str:
        """Span `act`, with the step and its outcome."""
        with self._tracer.span("act", runbook=action.runbook, target=action.target) as span:
            span.note("risk", action.risk.name)
            outcome = self._inner.act(target, action, ports)
            span.note("outcome", outcome)
            return outcome

    def verify(self, target: Target[Any], observed: Any) -> Verification:
        """Span `verify`."""
        with self._tracer.span("verify") as span:
            found = self._inner.verify(target, observed)
            if found.healthy is not None:
                span.note("healthy", found.healthy)
            return found

    def finalize(self, target: Target[Any], observed: Any) -> Plan:
        """Span `finalize`."""
        with self._tracer.span("finalize"):
            return self._inner.finalize(target, observed)

    def remember(self, target: Target[Any], observed: Any) -> JsonObject | None:
        """As the kind's."""
        return self._inner.remember(target, observed)


class TracedObjects(ForwardedObjects):
    """The embedded API, with the writing of a status as a span.

    Args:
        inner: the API.
        tracer: told of it.
    """

    def __init__(self, inner: Objects, tracer: Tracer) -> None:
        super().__init__(inner)
        self._tracer = tracer

    def patch(
        self,
        ref: ObjectRef,
        patch: Mapping[str, Any],
        *,
        actor: str,
        subresource: str | None = None,
    ) -> JsonObject:
        """As the API's; span `status` where it writes one."""
        if subresource is None:
            return super().patch(ref, patch, actor=actor)
        with self._tracer.span(subresource):
            return super().patch(ref, patch, actor=actor, subresource=subresource)
