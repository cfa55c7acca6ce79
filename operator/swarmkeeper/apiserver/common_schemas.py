"""Schemas of what Kubernetes defines and we serve: metadata, status conditions, events, namespaces.

Source of fields and meanings: https://kubernetes.io/docs/reference/kubernetes-api/ (ObjectMeta, Event v1,
Namespace v1) and the API conventions (conditions).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from desired_state.objects import JsonObject

PRESERVE: Final = "x-kubernetes-preserve-unknown-fields"
OBJECT_META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
"""Name of the definition of metadata, as clients know it."""


def text(description: str) -> JsonObject:
    """A string."""
    return {"type": "string", "description": description}


def whole(description: str) -> JsonObject:
    """A whole number."""
    return {"type": "integer", "format": "int64", "description": description}


def time(description: str) -> JsonObject:
    """A time in RFC 3339."""
    return {"type": "string", "format": "date-time", "description": description}


def fields(description: str, properties: Mapping[str, JsonObject]) -> JsonObject:
    """An object with named fields."""
    return {"type": "object", "description": description, "properties": dict(properties)}


def each(description: str, items: JsonObject) -> JsonObject:
    """A list."""
    return {"type": "array", "description": description, "items": items}


def texts_by_name(description: str) -> JsonObject:
    """A map of text to text."""
    return {
        "type": "object",
        "description": description,
        "additionalProperties": {"type": "string"},
    }


_OWNER: Final = fields(
    "An object that this one belongs to.",
    {
        "apiVersion": text("API version of the owner."),
        "kind": text("Kind of the owner."),
        "name": text("Name of the owner."),
        "uid": text("Identity of the owner."),
        "controller": {"type": "boolean", "description": "Whether it is the one that acts."},
        "blockOwnerDeletion": {"type": "boolean", "description": "Kept; nothing waits for it."},
    },
)
_MANAGER: Final = fields(
    "Who owns which fields.",
    {
        "manager": text("Who."),
        "operation": text("Apply or Update."),
        "apiVersion": text("API version of the fields."),
        "time": time("When the fields were changed last."),
        "fieldsType": text("FieldsV1."),
        "fieldsV1": {
            "type": "object",
            "description": "Paths of the fields, as a tree.",
            PRESERVE: True,
        },
        "subresource": text("Through which subresource."),
    },
)
METADATA: Final = fields(
    "What identifies an object, and what people and programs attach to it.",
    {
        "name": text("Unique within the namespace and kind; can't be changed."),
        "generateName": text("Beginning of a name that the server makes up."),
        "namespace": text("Within which the name is unique; `default` where none is given."),
        "labels": texts_by_name("To select objects by."),
        "annotations": texts_by_name("Notes of people and programs; not to select by."),
        "finalizers": each(
            "What must be done before the object goes.", {"type": "string", "description": ""}
        ),
        "ownerReferences": each("Objects that this one belongs to.", _OWNER),
        "uid": text("Identity of this incarnation; set by the server."),
        "resourceVersion": text("Version of the object; a write that names another is refused."),
        "generation": whole("Counts the changes of the spec; set by the server."),
        "creationTimestamp": time("When it was created; set by the server."),
        "deletionTimestamp": time("When its deletion was asked for; set by the server."),
        "deletionGracePeriodSeconds": whole("Always 0; set by the server."),
        "managedFields": each("Owners of fields, for server-side apply.", _MANAGER),
        "selfLink": text("Not used any more."),
    },
)
_CONDITION: Final = fields(
    "One thing that is so, is not so, or is not known.",
    {
        "type": text("What, e.g. Ready."),
        "status": text("True, False or Unknown."),
        "reason": text("Why, in one CamelCase word."),
        "message": text("Why, for people."),
        "lastTransitionTime": time("When the status changed last."),
        "observedGeneration": whole("Generation of the spec that was looked at."),
    },
)
STATUS: Final = {
    **fields(
        "What was seen last, by the operator. Each kind has fields of its own besides these.",
        {
            "observedGeneration": whole("Generation of the spec that was looked at last."),
            "conditions": each("Verdicts, as Kubernetes words them.", _CONDITION),
            "sync": text("Whether the world is as declared."),
            "health": text("Whether what runs is healthy."),
            "lastReconcileTime": time("When the object was looked at; not every look is noted."),
            "lastAppliedRevision": text("Revision of the source that was applied last."),
            "lastHandledReconcileAt": text("The last request for a look that was answered."),
            "nextAttemptTime": time("When a failed pass is tried again."),
            "failureCount": whole("Failed passes in a row."),
        },
    ),
    PRESERVE: True,
}

_REFERENCE: Final = {
    "apiVersion": text("API version of the object."),
    "kind": text("Kind of the object."),
    "namespace": text("Namespace of the object."),
    "name": text("Name of the object."),
    "uid": text("Identity of the object."),
    "resourceVersion": text("Version of the object."),
    "fieldPath": text("Which part of the object."),
}
_SOURCE: Final = {"component": text("Which program."), "host": text("On which node.")}
_ABOUT: Final = "What the event is about."
_EVENT: Final = {
    "type": text("Normal or Warning."),
    "reason": text("What happened, in one CamelCase word."),
    "action": text("What was done about it."),
    "eventTime": time("When it was first seen."),
    "related": fields("Another object that has to do with it.", _REFERENCE),
    "reportingInstance": text("Which instance of the program reported it."),
}
EVENT: Final = _EVENT | {
    "involvedObject": fields(_ABOUT, _REFERENCE),
    "message": text("What happened, for people."),
    "count": whole("How often it happened."),
    "firstTimestamp": time("When it happened first."),
    "lastTimestamp": time("When it happened last."),
    "source": fields("Who reported it.", _SOURCE),
    "reportingComponent": text("Which program reported it."),
    "series": fields(
        "A run of the same event.",
        {"count": whole("How often."), "lastObservedTime": time("When last.")},
    ),
}
EVENT_V1: Final = _EVENT | {
    "regarding": fields(_ABOUT, _REFERENCE),
    "note": text("What happened, for people."),
    "deprecatedCount": whole("How often it happened."),
    "deprecatedFirstTimestamp": time("When it happened first."),
    "deprecatedLastTimestamp": time("When it happened last."),
    "deprecatedSource": fields("Who reported it.", _SOURCE),
    "reportingController": text("Which program reported it."),
    "series": EVENT["series"],
}
PEERING: Final = {
    "status": {
        "type": "object",
        "description": "The operators that run, by identity: priority, lastseen, lifetime in seconds.",
        PRESERVE: True,
    }
}
NAMESPACE: Final = {
    "spec": fields("Nothing is declared in it.", {"finalizers": each("Kept.", text(""))}),
    "status": fields("Whether it is in use.", {"phase": text("Active.")}),
}
