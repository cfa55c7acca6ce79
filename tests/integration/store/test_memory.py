"""What kinds remember lasts, and is dropped with the object."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from swarmkeeper.store.memory import Memory
from swarmkeeper.store.sql import SqlDatabase

pytestmark = pytest.mark.integration


def test_the_last_document_is_there_after_a_restart(
    open_database: Callable[[], SqlDatabase],
) -> None:
    memory = Memory(open_database())
    memory.put("u1", {"version": 1})
    memory.put("u1", {"version": 2, "name": "ü"})
    memory.put("u2", {})
    memory.forget("u2")
    memory.forget("u3")

    again = Memory(open_database())

    assert again.get("u1") == {"version": 2, "name": "ü"}
    assert again.get("u2") is None
