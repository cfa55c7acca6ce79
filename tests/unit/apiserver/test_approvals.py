"""The API writes down who approves."""

from __future__ import annotations

from typing import Any

import pytest

from swarmkeeper.apiserver.approvals import signed

APPROVE, BY = "swarmkeeper.dev/approve", "swarmkeeper.dev/approved-by"


def obj(annotations: dict[str, str]) -> dict[str, Any]:
    return {"metadata": {"name": "a", "annotations": annotations}}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param({}, {"x": "1"}, {"x": "1"}, id="nothing to do with it"),
        pytest.param({}, {APPROVE: "h"}, {APPROVE: "h", BY: "ann"}, id="who approves is named"),
        pytest.param({}, {APPROVE: "h", BY: "bob"}, {APPROVE: "h", BY: "ann"}, id="not another"),
        pytest.param(
            {APPROVE: "h", BY: "bob"},
            {APPROVE: "h", BY: "eve"},
            {APPROVE: "h", BY: "bob"},
            id="kept",
        ),
        pytest.param({APPROVE: "h", BY: "bob"}, {}, {}, id="withdrawn"),
        pytest.param({}, {BY: "bob"}, {}, id="a name without approval"),
    ],
)
def test_who_approves_is_what_the_api_knows_not_what_the_client_says(
    before: dict[str, str], after: dict[str, str], expected: dict[str, str]
) -> None:
    assert signed(obj(before), obj(after), "ann")["metadata"]["annotations"] == expected
