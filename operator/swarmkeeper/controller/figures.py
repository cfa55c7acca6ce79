"""The figures of all objects, as the last pass over each has found them."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from desired_state.objects import ObjectRef
from swarmkeeper.runtime.figures import Figure

_OBJECT = ("namespace", "name")


class Figures(Collector):
    """Collects them when they are scraped. Thread-safe: what is stored is only ever replaced."""

    def __init__(self) -> None:
        self._known: dict[ObjectRef, tuple[Figure, ...]] = {}

    def note(self, ref: ObjectRef, figures: tuple[Figure, ...]) -> None:
        """Replaces the figures of an object; none where nothing is known any more."""
        if figures:
            self._known[ref] = figures
        else:
            self._known.pop(ref, None)

    def describe(self) -> Iterator[Metric]:
        """None beforehand: the kinds bring them."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """One family for each name."""
        families: dict[str, GaugeMetricFamily] = {}
        for ref, figures in sorted(self._known.copy().items()):
            for figure in figures:
                names = sorted(figure.labels)
                family = families.setdefault(
                    figure.name,
                    GaugeMetricFamily(figure.name, figure.description, labels=(*_OBJECT, *names)),
                )
                values = [figure.labels[name] for name in names]
                family.add_metric([ref.namespace, ref.name, *values], figure.value)
        yield from families.values()
