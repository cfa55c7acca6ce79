"""Every name and network of a sandbox comes from its own name, and fits where it must."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmkeeper.sandbox.errors import InvalidNameError, NoFreeSubnetError
from swarmkeeper.sandbox.names import OVERLAY_POOL, RANGES, Names, choose_subnet

NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", fullmatch=True)


@pytest.mark.parametrize("name", ["default", "a", "0", "e2e-gw0-1234-1", "x" * 32])
def test_a_plain_name_is_taken(name: str) -> None:
    assert Names(name).sandbox == name


@pytest.mark.parametrize(
    "name", ["", "-a", "a-", "A", "a.1", "a/b", "../a", "a b", "ä", "x" * 33, "a\n"]
)
def test_a_name_that_would_not_fit_everywhere_is_refused(name: str) -> None:
    with pytest.raises(InvalidNameError, match="lower-case"):
        Names(name)


@given(NAMES)
def test_a_link_has_at_most_fifteen_characters(name: str) -> None:
    assert len(Names(name).link) <= 15


@given(NAMES, NAMES, st.integers(1, 50), st.integers(1, 50))
def test_two_sandboxes_share_no_name(one: str, other: str, number: int, second: int) -> None:
    def all_of(names: Names, node: int) -> set[str]:
        return {names.netns, names.link, names.node_netns(node), names.cgroup(node)}

    if one != other:
        assert not all_of(Names(one), number) & all_of(Names(other), second)


@given(NAMES)
def test_a_name_always_gets_the_same_network(name: str) -> None:
    subnet = choose_subnet(name, [])

    assert choose_subnet(name, []) == subnet
    assert subnet.prefixlen == 24
    assert subnet.subnet_of(RANGES[0])
    assert not subnet.overlaps(IPv4Network(OVERLAY_POOL))


@given(NAMES)
def test_a_network_that_is_taken_is_left_alone(name: str) -> None:
    first = choose_subnet(name, [])
    second = choose_subnet(name, [first])
    third = choose_subnet(name, [first, IPv4Network(f"{second[7]}/32")])

    assert len({first, second, third}) == 3


def test_another_range_serves_where_all_of_the_first_is_routed() -> None:
    assert choose_subnet("default", [IPv4Network("10.0.0.0/8")]).subnet_of(RANGES[1])


def test_it_says_so_when_there_is_no_network_left() -> None:
    with pytest.raises(NoFreeSubnetError, match="remove a route"):
        choose_subnet("default", [IPv4Network("10.0.0.0/8"), IPv4Network("198.18.0.0/15")])
