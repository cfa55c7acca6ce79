"""CustomResourceDefinitions: the kinds that are served, as tools look them up.

Those of kopf's peering say what kopf's documentation says, field by field (https://docs.kopf.dev/en/stable/peering/):
so applying that file, as people are used to, changes nothing and succeeds.
"""

from __future__ import annotations

from typing import Any

from desired_state.objects import JsonObject
from desired_state.scheme import Column
from swarmkeeper.apiserver.catalogue import DEFINITION, Catalogue, ResourceType
from swarmkeeper.apiserver.origin import PROGRAM
from swarmkeeper.apiserver.schemas import definition_schema
from swarmkeeper.apiserver.verbs import Caller, Verbs
from swarmkeeper.store.objects import Key

_CALLER = Caller(PROGRAM)


def publish(catalogue: Catalogue, verbs: Verbs) -> None:
    """Stores a definition for each kind, and removes those of kinds that are no more.

    Raises:
        ApiError: the store refused.
    """
    wanted = {t.resource: definition(t) for t in catalogue if t.custom}
    for stored in verbs.store.list(DEFINITION.kind).items:
        if stored.key.name not in wanted:
            verbs.delete(DEFINITION, stored.key, _CALLER)
    for name, body in wanted.items():
        _publish(verbs, Key(DEFINITION.kind, "", name), body)


def _publish(verbs: Verbs, key: Key, body: JsonObject) -> None:
    current = verbs.store.get(key) or verbs.create(DEFINITION, "", body, _CALLER)
    since = current.load()["metadata"]["creationTimestamp"]

    def edit(old: JsonObject) -> JsonObject:
        return {**old, "spec": body["spec"], "status": _status(body["spec"], since)}

    verbs.update(DEFINITION, key, edit, _CALLER)


def definition(type_: ResourceType) -> JsonObject:
    """The definition of one kind, without status."""
    return {
        "apiVersion": DEFINITION.api_version,
        "kind": DEFINITION.kind,
        "metadata": {"name": type_.resource},
        "spec": {
            "group": type_.group,
            "names": _names(type_),
            "scope": "Namespaced" if type_.namespaced else "Cluster",
            "versions": [_version(type_)],
            "conversion": {"strategy": "None"},
        },
    }


def _names(type_: ResourceType) -> JsonObject:
    return {
        "kind": type_.kind,
        "listKind": f"{type_.kind}List",
        "plural": type_.plural,
        "singular": type_.singular,
        "shortNames": list(type_.short_names),
        "categories": list(type_.categories),
    }


def _version(type_: ResourceType) -> JsonObject:
    version = {
        "name": type_.version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": definition_schema(type_)},
    }
    if type_.spec is None:
        return version
    return version | {
        "subresources": _subresources(type_),
        "additionalPrinterColumns": [_column(column) for column in type_.columns],
    }


def _subresources(type_: ResourceType) -> JsonObject:
    if type_.scale is None:
        return {"status": {}}
    paths = {
        "specReplicasPath": type_.scale.spec_replicas,
        "statusReplicasPath": type_.scale.status_replicas,
    }
    return {"status": {}, "scale": paths}


def _column(column: Column) -> JsonObject:
    described: dict[str, Any] = {
        "name": column.name,
        "type": column.type,
        "jsonPath": column.path,
        "priority": column.priority,
    }
    return described | ({"description": column.description} if column.description else {})


def _status(spec: JsonObject, since: str) -> JsonObject:
    conditions = [
        {
            "type": type_,
            "status": "True",
            "reason": reason,
            "message": message,
            "lastTransitionTime": since,
        }
        for type_, reason, message in (
            ("NamesAccepted", "NoConflicts", "no conflicts found"),
            ("Established", "InitialNamesAccepted", "the kind is served"),
        )
    ]
    versions = [version["name"] for version in spec["versions"]]
    return {"acceptedNames": spec["names"], "conditions": conditions, "storedVersions": versions}
