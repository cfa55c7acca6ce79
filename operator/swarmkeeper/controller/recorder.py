"""Records core/v1 Events on the embedded API, counting repeats instead of adding them."""

from __future__ import annotations

import logging
import threading
import uuid
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from desired_state.objects import API_VERSION, ObjectRef
from swarmkeeper.controller.announce import Announcement
from swarmkeeper.runtime.conditions import stamp
from swarmkeeper.runtime.ports import ApiError, Objects
from swarmkeeper.runtime.redaction import Redactor

_REMEMBERED: Final = 4096
_SAME_WITHIN: Final = timedelta(minutes=10)
_LONGEST: Final = 1024
_STRIPES: Final = 64
logger = logging.getLogger(__name__)

_Key = tuple[str, str, str, str]  # uid, type, reason, message


@dataclass(slots=True)
class _Series:
    ref: ObjectRef
    count: int
    last: datetime


class Recorder:
    """Writes events; a failure to do so is logged and never stops a pass.

    Args:
        objects: the embedded API.
        actor: who writes.
        redactor: takes secrets out of the messages.
    """

    def __init__(self, objects: Objects, *, actor: str, redactor: Redactor | None = None) -> None:
        self._redactor = redactor or Redactor()
        self._objects = objects
        self._actor = actor
        self._lock = threading.Lock()
        self._series: OrderedDict[_Key, _Series] = OrderedDict()
        # Held while an event is written, so that the same one is not created twice. Others may be
        # written meanwhile: the store puts what comes together into one commit.
        self._writing = tuple(threading.Lock() for _ in range(_STRIPES))

    def record(self, ref: ObjectRef, uid: str, what: Announcement, now: datetime) -> None:
        """Records one event about an object, or counts up the same one of a moment ago."""
        what = replace(what, message=self._redactor.text(what.message))
        logger.info(
            "event",
            extra={"object": str(ref), "reason": what.reason, "event_message": what.message},
        )
        key = (uid, what.type, what.reason, what.message)
        try:
            with self._writing[hash(key) % _STRIPES]:
                series = self._series_of(key)
                if (
                    series is None
                    or now - series.last > _SAME_WITHIN
                    or not self._repeat(series, now)
                ):
                    series = self._create(ref, uid, what, now)
                self._remember(key, series)
        except ApiError as error:
            logger.warning("event not recorded", extra={"object": str(ref), "error": str(error)})

    def _series_of(self, key: _Key) -> _Series | None:
        with self._lock:
            return self._series.get(key)

    def _remember(self, key: _Key, series: _Series) -> None:
        with self._lock:
            self._series[key] = series
            self._series.move_to_end(key)
            while len(self._series) > _REMEMBERED:
                self._series.popitem(last=False)

    def _repeat(self, series: _Series, now: datetime) -> bool:
        patch = {"count": series.count + 1, "lastTimestamp": stamp(now)}
        try:
            self._objects.patch(series.ref, patch, actor=self._actor)
        except ApiError as error:
            if error.code == 404:
                return False
            raise
        series.count, series.last = series.count + 1, now
        return True

    def _create(self, ref: ObjectRef, uid: str, what: Announcement, now: datetime) -> _Series:
        name = f"{ref.name}.{uuid.uuid4().hex[:16]}"
        self._objects.create(
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": name, "namespace": ref.namespace},
                "involvedObject": {
                    "apiVersion": API_VERSION,
                    "kind": ref.kind,
                    "name": ref.name,
                    "namespace": ref.namespace,
                    "uid": uid,
                },
                "type": what.type,
                "reason": what.reason,
                "message": what.message[:_LONGEST],
                "count": 1,
                "firstTimestamp": stamp(now),
                "lastTimestamp": stamp(now),
                "source": {"component": self._actor},
                "reportingComponent": self._actor,
                "reportingInstance": self._actor,
            },
            actor=self._actor,
        )
        return _Series(ObjectRef("Event", name, ref.namespace), 1, now)
