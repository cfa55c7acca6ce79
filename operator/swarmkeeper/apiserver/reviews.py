"""`kubectl auth can-i` and `whoami`: whoever holds a token may do all that the API does.

Source: https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from desired_state.objects import JsonObject
from swarmkeeper.apiserver.addresses import Address

_VERSIONS: Final = ("v1", "v1beta1")
_GROUPS: Final = ["system:authenticated"]


@dataclass(frozen=True, slots=True)
class Review:
    """A question that is asked by a POST and not stored.

    Attributes:
        group: API group; the version is v1, and v1beta1 for kubectl 1.27.
        kind: CamelCase name.
        plural: name in the URL.
        answer: the status, given the actor.
    """

    group: str
    kind: str
    plural: str
    answer: Callable[[str], JsonObject]


def _access(actor: str) -> JsonObject:
    return {"allowed": True, "reason": f"{actor} holds a token of this API"}


def _rules(_: str) -> JsonObject:
    return {
        "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
        "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["*"]}],
        "incomplete": False,
    }


def _user(actor: str) -> JsonObject:
    return {"userInfo": {"username": actor, "groups": _GROUPS}}


_AUTHORIZATION: Final = "authorization.k8s.io"
_AUTHENTICATION: Final = "authentication.k8s.io"

REVIEWS: Final = (
    Review(_AUTHORIZATION, "SelfSubjectAccessReview", "selfsubjectaccessreviews", _access),
    Review(_AUTHORIZATION, "SelfSubjectRulesReview", "selfsubjectrulesreviews", _rules),
    Review(_AUTHENTICATION, "SelfSubjectReview", "selfsubjectreviews", _user),
)
_BY_PATH: Final = {(review.group, review.plural): review for review in REVIEWS}


def find(address: Address) -> Review | None:
    """The review at an address, or None."""
    if address.version not in _VERSIONS:
        return None
    return _BY_PATH.get((address.group, address.plural))


def answer(review: Review, version: str, body: Mapping[str, object], actor: str) -> JsonObject:
    """The answered review.

    Args:
        review: which one.
        version: in which version it was asked.
        body: as the client asked.
        actor: who asked.
    """
    return {
        "apiVersion": f"{review.group}/{version}",
        "kind": review.kind,
        "metadata": {},
        "spec": body.get("spec") or {},
        "status": review.answer(actor),
    }
