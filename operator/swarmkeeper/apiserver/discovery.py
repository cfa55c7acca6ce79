"""Discovery: which groups, versions and resources there are, in the plain and the aggregated form.

Source: https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from desired_state.objects import JsonObject
from swarmkeeper.apiserver import scales
from swarmkeeper.apiserver.catalogue import Catalogue, ResourceType
from swarmkeeper.apiserver.reviews import REVIEWS, Review

AGGREGATED: Final = "application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
_REVIEW_VERSION: Final = "v1"
_STATUS_VERBS: Final = ("get", "patch", "update")
_ANYWHERE: Final = "0.0.0.0/0"


class Discovery:
    """The documents, computed once: resources do not change while the program runs.

    Args:
        catalogue: what is served.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._versions = catalogue.group_versions()
        self._versions |= {review.group: _REVIEW_VERSION for review in REVIEWS}
        self.core = {
            "kind": "APIVersions",
            "versions": [self._versions[""]],
            "serverAddressByClientCIDRs": [{"clientCIDR": _ANYWHERE, "serverAddress": ""}],
        }
        self.groups = {
            "kind": "APIGroupList",
            "apiVersion": "v1",
            "groups": [self._group(group) for group in self._versions if group],
        }

    def group(self, group: str) -> JsonObject | None:
        """One group, or None."""
        if group not in self._versions:
            return None
        return {"kind": "APIGroup", "apiVersion": "v1", **self._group(group)}

    def resources(self, group: str, version: str) -> JsonObject | None:
        """The resources of one version of a group, or None where there is no such version."""
        if self._versions.get(group) != version:
            return None
        entries = [e for t in self._catalogue.in_group(group, version) for e in _plain(t)]
        entries += [_plain_review(review) for review in REVIEWS if review.group == group]
        name = f"{group}/{version}" if group else version
        return {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": name,
            "resources": entries,
        }

    def aggregated(self, *, core: bool, version: str) -> JsonObject:
        """All groups with all resources in one document.

        Args:
            core: True for `/api`, False for `/apis`.
            version: version of the document that the client takes, v2 or v2beta1.
        """
        groups = [group for group in self._versions if (group == "") == core]
        return {
            "kind": "APIGroupDiscoveryList",
            "apiVersion": f"apidiscovery.k8s.io/{version}",
            "metadata": {},
            "items": [self._aggregated_group(group) for group in groups],
        }

    def _group(self, group: str) -> JsonObject:
        version = self._versions[group]
        entry = {"groupVersion": f"{group}/{version}", "version": version}
        return {"name": group, "versions": [entry], "preferredVersion": entry}

    def _aggregated_group(self, group: str) -> JsonObject:
        version = self._versions[group]
        resources = [_aggregated(t) for t in self._catalogue.in_group(group, version)]
        resources += [_aggregated_review(review) for review in REVIEWS if review.group == group]
        return {
            "metadata": {"name": group} if group else {},
            "versions": [{"version": version, "freshness": "Current", "resources": resources}],
        }


def _plain(type_: ResourceType) -> Iterable[JsonObject]:
    yield {
        "name": type_.plural,
        "singularName": type_.singular,
        "namespaced": type_.namespaced,
        "kind": type_.kind,
        "verbs": list(type_.verbs),
        "shortNames": list(type_.short_names),
        "categories": list(type_.categories),
    }
    if type_.has_status:
        yield {
            "name": f"{type_.plural}/status",
            "singularName": "",
            "namespaced": type_.namespaced,
            "kind": type_.kind,
            "verbs": list(_STATUS_VERBS),
        }
    if type_.scale is not None:
        yield {
            "name": f"{type_.plural}/{scales.SCALE}",
            "singularName": "",
            "namespaced": type_.namespaced,
            "group": scales.GROUP,
            "version": scales.VERSION,
            "kind": scales.KIND,
            "verbs": list(_STATUS_VERBS),
        }


def _plain_review(review: Review) -> JsonObject:
    return {
        "name": review.plural,
        "singularName": review.kind.lower(),
        "namespaced": False,
        "kind": review.kind,
        "verbs": ["create"],
    }


def _aggregated(type_: ResourceType) -> JsonObject:
    kind = {"group": type_.group, "version": type_.version, "kind": type_.kind}
    entry: JsonObject = {
        "resource": type_.plural,
        "responseKind": kind,
        "scope": "Namespaced" if type_.namespaced else "Cluster",
        "singularResource": type_.singular,
        "verbs": list(type_.verbs),
        "shortNames": list(type_.short_names),
        "categories": list(type_.categories),
    }
    if type_.has_status:
        status = {"subresource": "status", "responseKind": kind, "verbs": list(_STATUS_VERBS)}
        entry["subresources"] = [status]
    if type_.scale is not None:
        scale = {"group": scales.GROUP, "version": scales.VERSION, "kind": scales.KIND}
        entry["subresources"].append(
            {
                "subresource": scales.SCALE,
                "responseKind": scale,
                "verbs": list(_STATUS_VERBS),
            }
        )
    return entry


def _aggregated_review(review: Review) -> JsonObject:
    return {
        "resource": review.plural,
        "responseKind": {"group": review.group, "version": _REVIEW_VERSION, "kind": review.kind},
        "scope": "Cluster",
        "singularResource": review.kind.lower(),
        "verbs": ["create"],
    }
