"""What was begun and can't be left half done is brought to an end, whatever holds new steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.harness import Harness
from support.toy import GaugeReconciler, Gauges

from desired_state.objects import ObjectRef
from swarmkeeper.runtime.plan import Plan, Risk


class Completing(GaugeReconciler):
    """Says of each step that it ends what was begun."""

    def plan(self, target: Any, observed: Any) -> Plan:
        found = super().plan(target, observed)
        actions = tuple(replace(one, completes=True, confirm=True) for one in found.actions)
        return replace(found, actions=actions)


NIGHT = {"kind": "allow", "schedule": "0 3 * * *", "duration": "1h"}


@pytest.mark.parametrize(
    "spec",
    [{"windows": [NIGHT]}, {"approval": "Required"}],
    ids=["window", "approval"],
)
def test_nothing_holds_it(spec: dict[str, Any]) -> None:
    world = Gauges(risk=Risk.HIGH)
    engine = Harness(world=world, reconcilers={"Gauge": Completing(world)})
    ref: ObjectRef = engine.declare(value=3, **spec)

    engine.run(ref)

    assert world.values == {"a": 3}
    assert [str(record.entry) for record in engine.records()] == ["Intended", "Succeeded"]
