"""What each role may do, verb by verb."""

from __future__ import annotations

import pytest
from support.widgets import WIDGET

from desired_state.objects import GROUP
from desired_state.scheme import Scheme
from swarmkeeper.apiserver.addresses import Address
from swarmkeeper.apiserver.catalogue import Catalogue
from swarmkeeper.apiserver.roles import Identity, Role, Roles
from swarmkeeper.runtime.ports import ApiError

ROLES = Roles(Catalogue(Scheme([WIDGET])))
ALL = (Role.VIEWER, Role.OPERATOR, Role.ADMIN, Role.CONTROLLER)
WRITERS = (Role.OPERATOR, Role.ADMIN, Role.CONTROLLER)


@pytest.mark.parametrize(
    ("verb", "group", "resource", "roles"),
    [
        ("get", GROUP, "widgets", ALL),
        ("watch", "", "events", ALL),
        ("list", "apiextensions.k8s.io", "customresourcedefinitions", ALL),
        ("patch", GROUP, "widgets", WRITERS),
        ("update", GROUP, "widgets/scale", WRITERS),
        ("patch", GROUP, "widgets/status", (Role.ADMIN, Role.CONTROLLER)),
        ("create", GROUP, "widgets", (Role.ADMIN,)),
        ("delete", GROUP, "widgets", (Role.ADMIN,)),
        ("deletecollection", GROUP, "widgets", (Role.ADMIN,)),
        ("create", "", "events", (Role.ADMIN, Role.CONTROLLER)),
        ("create", "events.k8s.io", "events", (Role.ADMIN, Role.CONTROLLER)),
        ("patch", "kopf.dev", "clusterkopfpeerings", (Role.ADMIN, Role.CONTROLLER)),
        ("create", "kopf.dev", "kopfpeerings", (Role.ADMIN,)),
        ("delete", "", "namespaces", (Role.ADMIN,)),
        ("patch", "", "namespaces", (Role.ADMIN,)),
        ("watch", GROUP, "auditrecords", ALL),
        ("delete", GROUP, "auditrecords", ()),
        ("*", GROUP, "auditrecords", ()),
        ("*", "*", "*", (Role.ADMIN,)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_verbs_of_roles(verb: str, group: str, resource: str, roles: tuple[Role, ...]) -> None:
    assert tuple(role for role in ALL if ROLES.allows(role, verb, group, resource)) == roles


def test_a_refusal_names_who_what_and_the_role() -> None:
    address = Address(GROUP, "v1alpha1", "widgets", "default", "a", "scale")

    with pytest.raises(ApiError) as caught:
        ROLES.require(Identity("token:ann", Role.VIEWER), address, "patch")

    assert (caught.value.code, caught.value.reason) == (403, "Forbidden")
    assert caught.value.message == (
        f'widgets.{GROUP} "a" is forbidden: User "token:ann" cannot patch resource "widgets/scale" '
        f'in API group "{GROUP}" in the namespace "default": it has the role viewer'
    )
