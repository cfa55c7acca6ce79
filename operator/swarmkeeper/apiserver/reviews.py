"""`kubectl auth can-i` and `whoami`: what the role of a token allows.

Source: https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from desired_state.objects import JsonObject
from swarmkeeper.apiserver.addresses import Address
from swarmkeeper.apiserver.roles import Identity, Roles

_VERSIONS: Final = ("v1", "v1beta1")
_GROUPS: Final = ["system:authenticated"]

Answer = Callable[[Roles, Identity, Mapping[str, Any]], JsonObject]
"""The status, given who asks and the spec of the question."""


@dataclass(frozen=True, slots=True)
class Review:
    """A question that is asked by a POST and not stored.

    Attributes:
        group: API group; the version is v1, and v1beta1 for kubectl 1.27.
        kind: CamelCase name.
        plural: name in the URL.
        answer: gives the status.
    """

    group: str
    kind: str
    plural: str
    answer: Answer


def _access(roles: Roles, who: Identity, spec: Mapping[str, Any]) -> JsonObject:
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if isinstance(resource, Mapping):
        below = resource.get("subresource")
        plural = f"{resource.get('resource', '')}" + (f"/{below}" if below else "")
        asked = (str(resource.get("verb", "")), str(resource.get("group", "")), plural)
        allowed = _is_review(*asked) or roles.allows(who.role, *asked)
    else:
        allowed = isinstance(path, Mapping) and path.get("verb") == "get"
    return {"allowed": allowed, "reason": f"{who.actor} has the role {who.role}"}


def _is_review(verb: str, group: str, resource: str) -> bool:
    """Everyone may ask what they may do."""
    return verb == "create" and (group, resource) in _BY_PATH


def _rules(roles: Roles, who: Identity, _: Mapping[str, Any]) -> JsonObject:
    own = [
        {"verbs": ["create"], "apiGroups": [review.group], "resources": [review.plural]}
        for review in REVIEWS
    ]
    return {
        "resourceRules": [*(rule.document() for rule in roles.rules(who.role)), *own],
        "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["*"]}],
        "incomplete": False,
    }


def _user(_: Roles, who: Identity, __: Mapping[str, Any]) -> JsonObject:
    groups = [*_GROUPS, f"swarmkeeper:{who.role}"]
    return {"userInfo": {"username": who.actor, "groups": groups}}


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


def answer(
    review: Review, version: str, body: Mapping[str, Any], roles: Roles, who: Identity
) -> JsonObject:
    """The answered review.

    Args:
        review: which one.
        version: in which version it was asked.
        body: as the client asked.
        roles: what each role may do.
        who: who asked.
    """
    spec = body.get("spec")
    asked = spec if isinstance(spec, Mapping) else {}
    return {
        "apiVersion": f"{review.group}/{version}",
        "kind": review.kind,
        "metadata": {},
        "spec": asked,
        "status": review.answer(roles, who, asked),
    }
