"""What all tests share.

Tests on real machines' parts (a Swarm, processes that are killed) get in each other's way and mind a
busy machine, so under xdist they all go to one worker, one after the other.
"""

from __future__ import annotations

from pathlib import Path

import pytest

ONE_AT_A_TIME = ("e2e", "chaos")


@pytest.hookimpl(tryfirst=True)  # before xdist makes its groups of the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keeps the tests of some folders on one worker."""
    for item in items:
        if any(part in ONE_AT_A_TIME for part in Path(item.path).parts):
            item.add_marker(pytest.mark.xdist_group("one at a time"))
