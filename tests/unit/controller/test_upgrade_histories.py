"""Whatever happens to an object with `upgradePolicy: Approved`, the world gets approved values alone."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from support.harness import Harness

from swarmkeeper.controller.names import APPROVE
from swarmkeeper.controller.upgrades import version_hash

MOVES = st.one_of(
    st.tuples(st.sampled_from(["Approved", "Auto"]), st.integers(0, 4)),
    st.tuples(st.just("drift"), st.integers(5, 9)),
    st.tuples(st.sampled_from(["approve", "old", "wrong", "restart", "look"]), st.just(0)),
)


class History:
    """A gauge with a past, and which version of it people have allowed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.engine = Harness(path)
        limits = {"maxActions": 1000}
        self.ref = self.engine.declare(value=0, upgradePolicy="Approved", limits=limits)
        self.shown: list[str] = []
        self.allowed: tuple[int, str] | None = None
        self.look()

    def move(self, move: str, value: int) -> None:
        """Something happens."""
        if move in ("Approved", "Auto"):
            self.engine.change(self.ref, value=value, upgradePolicy=move)
        elif move == "drift":
            self.engine.world.values["a"] = value
        elif move == "restart":
            old = self.engine
            self.engine = Harness(self.path, world=old.world, clock=old.clock)
        chosen = {"approve": self.shown[-1:], "old": self.shown[:1], "wrong": ["0" * 12]}
        for hash_ in chosen.get(move, []):
            notes = {"metadata": {"annotations": {APPROVE: hash_}}}
            self.engine.objects.patch(self.ref, notes, actor="ann")

    def look(self) -> list[int | None]:
        """One pass; what it wrote."""
        self._allow()
        writes = len(self.engine.world.writes)
        self.engine.clock.forward(hours=2)
        self.engine.run(self.ref)
        if waiting := self.engine.status(self.ref).get("pendingApproval"):
            self.shown.append(waiting["hash"])
        return [value for _, value in self.engine.world.writes[writes:]]

    def _allow(self) -> None:
        """What the rules say, in the test's own words."""
        stored = self.engine.stored(self.ref)
        metadata, spec = stored["metadata"], stored["spec"]
        yes = metadata.get("annotations", {}).get(APPROVE) == version_hash(metadata["uid"], spec)
        was_auto = self.allowed is not None and self.allowed[1] == "Auto"
        if yes or (was_auto and spec["upgradePolicy"] == "Auto"):
            self.allowed = (spec["value"], spec["upgradePolicy"])
        elif was_auto:
            self.allowed = None  # it asks for approval again, and nothing is approved yet


@settings(max_examples=40)
@given(st.lists(MOVES, max_size=25))
def test_the_world_only_ever_gets_values_of_the_approved_version(
    moves: list[tuple[str, int]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        history = History(Path(folder) / "store.db")
        for move, value in moves:
            history.move(move, value)
            for written in history.look():
                assert history.allowed is not None
                assert written == history.allowed[0]
            drifted = history.engine.world.values.get("a", -1) > 4
            assert not (drifted and history.allowed), "the approved version is kept at all times"
