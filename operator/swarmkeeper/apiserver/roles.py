"""Roles: which verbs a token is good for, on which resources.

The rules have the form of Kubernetes' PolicyRule, so that `kubectl auth can-i --list` can show them.
What git declares is protected besides, for everyone: see `origin.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from desired_state.objects import GROUP, JsonObject
from swarmkeeper.apiserver.addresses import Address
from swarmkeeper.apiserver.catalogue import EVENT, EVENT_V1, PEERING_GROUP, Catalogue
from swarmkeeper.runtime.ports import ApiError

_ANY: Final = "*"
_READ: Final = ("get", "list", "watch")
_CHANGE: Final = ("patch", "update")


class Role(StrEnum):
    """What a token may do."""

    VIEWER = "viewer"
    """Read everything."""
    OPERATOR = "operator"
    """Read everything, change objects (approve, suspend, scale, edit), and ask for runbooks."""
    ADMIN = "admin"
    """Everything."""
    CONTROLLER = "controller"
    """What the operator's own controllers need; no token is issued with it."""


ISSUED: Final = (Role.VIEWER, Role.OPERATOR, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class Rule:
    """Allows verbs on resources; `*` is any.

    Attributes:
        verbs: e.g. `get`, `patch`.
        groups: API groups; empty text is the core group.
        resources: plurals, with subresource as in `widgets/scale`.
    """

    verbs: tuple[str, ...]
    groups: tuple[str, ...] = (_ANY,)
    resources: tuple[str, ...] = (_ANY,)

    def allows(self, verb: str, group: str, resource: str) -> bool:
        """Whether it allows a verb on a resource."""
        return all(
            _ANY in allowed or asked in allowed
            for asked, allowed in (
                (verb, self.verbs),
                (group, self.groups),
                (resource, self.resources),
            )
        )

    def document(self) -> JsonObject:
        """As a PolicyRule."""
        return {
            "verbs": list(self.verbs),
            "apiGroups": list(self.groups),
            "resources": list(self.resources),
        }


@dataclass(frozen=True, slots=True)
class Identity:
    """Who holds a token.

    Attributes:
        actor: name for rules, records and ownership.
        role: what it may do.
    """

    actor: str
    role: Role


class Roles:
    """Decides what each role may do.

    Args:
        catalogue: what is served.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        kinds = [type_ for type_ in catalogue if type_.spec is not None]
        objects = [type_.plural for type_ in kinds]
        requests = tuple(type_.plural for type_ in kinds if type_.requested)
        scales = [f"{type_.plural}/scale" for type_ in kinds if type_.scale is not None]
        read = Rule(_READ)
        self._read_only = {(t.group, t.plural) for t in catalogue if not t.write_verbs}
        events = (EVENT.group, EVENT_V1.group)
        self._rules: dict[Role, tuple[Rule, ...]] = {
            Role.VIEWER: (read,),
            Role.OPERATOR: (
                read,
                Rule(_CHANGE, (GROUP,), (*objects, *scales)),
                Rule(("create", "delete"), (GROUP,), requests),
            ),
            Role.ADMIN: (Rule((_ANY,)),),
            Role.CONTROLLER: (
                read,
                Rule(_CHANGE, (GROUP, PEERING_GROUP)),
                Rule(("create", *_CHANGE), events, (EVENT.plural,)),
            ),
        }

    def rules(self, role: Role) -> tuple[Rule, ...]:
        """All rules of a role."""
        return self._rules[role]

    def allows(self, role: Role, verb: str, group: str, resource: str) -> bool:
        """Whether a role may do something.

        Args:
            role: whose.
            verb: in Kubernetes' words.
            group: API group.
            resource: plural, with subresource as in `widgets/scale`.
        """
        if (group, resource) in self._read_only and verb not in _READ:
            return False
        return any(rule.allows(verb, group, resource) for rule in self._rules[role])

    def require(self, who: Identity, address: Address, verb: str) -> None:
        """Refuses what a role may not do.

        Raises:
            ApiError: 403, in Kubernetes' words.
        """
        resource = address.plural + (f"/{address.subresource}" if address.subresource else "")
        if self.allows(who.role, verb, address.group, resource):
            return
        name = f' "{address.name}"' if address.name else ""
        full = f"{address.plural}.{address.group}" if address.group else address.plural
        where = f'in the namespace "{address.namespace}"' if address.namespace else "anywhere"
        raise ApiError(
            403,
            "Forbidden",
            f'{full}{name} is forbidden: User "{who.actor}" cannot {verb} resource "{resource}" in API '
            f'group "{address.group}" {where}: it has the role {who.role}',
        )
