"""Prefix lists as targets (docs/decisions/0034): entries in place of rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from product import EAST, WEST, Product, addresses, audit_in, findings, ids
from rig import World

#: A person's entry, which must stay as it is.
OFFICE = {"Cidr": "192.0.2.0/24", "Description": "office"}


@dataclass(frozen=True)
class Lists:
    """One list in each region, beside the group."""

    world: World
    ids: dict[str, str]

    def entries(self, region: str) -> dict[str, str]:
        """The descriptions of the entries, by address."""
        answer = self.world.client("ec2", region).get_managed_prefix_list_entries(PrefixListId=self.ids[region])
        return {entry["Cidr"]: entry.get("Description", "") for entry in answer["Entries"]}

    def modify(self, region: str, **change: list[dict[str, str]]) -> None:
        """What a person does to a list."""
        client = self.world.client("ec2", region)
        (found,) = client.describe_managed_prefix_lists(PrefixListIds=[self.ids[region]])["PrefixLists"]
        client.modify_managed_prefix_list(
            PrefixListId=self.ids[region], CurrentVersion=found["Version"], PrefixListName=self.world.mesh, **change
        )

    def said(self) -> dict[str, str]:
        """What the entries should be: everybody's address, with whose it is."""
        return {
            f"{address}/32": f"sgsync {self.world.mesh} {region} {instance}"
            for region in (EAST, WEST)
            for instance, address in addresses(self.world, region).items()
        } | {OFFICE["Cidr"]: OFFICE["Description"]}

    @property
    def exact(self) -> bool:
        """Whether both are as they should be."""
        return all(self.entries(region) == self.said() for region in (EAST, WEST))


def _made(world: World, region: str, entries: int = 20) -> str:
    made = world.client("ec2", region).create_managed_prefix_list(
        PrefixListName=world.mesh, MaxEntries=entries, AddressFamily="IPv4", Entries=[OFFICE]
    )
    return str(made["PrefixList"]["PrefixListId"])


@pytest.fixture
def lists(world: World) -> Lists:
    made = {region: _made(world, region) for region in (EAST, WEST)}
    # tests/iam hears of what functions do to them.
    world.rig.proxy.recorder.call_it({made[region]: f"<list {region}>" for region in made})
    return Lists(world, made)


@pytest.fixture
def product(world: World, lists: Lists) -> Iterator[Product]:
    """The binaries, with a document that names the lists."""
    document = world.mesh_toml()
    for region, member in world.members.items():
        line = f'security_groups = ["{member.security_group}"]\n'
        assert line in document
        document = document.replace(line, f'{line}prefix_lists = ["{lists.ids[region]}"]\n')
    with Product(world, document) as installed:
        yield installed


def test_a_launch_and_its_end_are_entries_that_come_and_go(world: World, product: Product, lists: Lists) -> None:
    """Promises 1 and 3, and the audit lines of promise 8."""
    world.seed(WEST, 2)
    product.synced()
    assert lists.exact
    events = product.launch(EAST, 1)
    delivery = product.receive(events)
    assert set(delivery.hooks.values()) == {"CONTINUE"}
    assert lists.exact
    (line,) = [one for one in audit_in(delivery.result.logs) if one["target"].endswith(lists.ids[WEST])]
    assert (line["action"], line["permission"]) == ("authorize", f"all {addresses(world, EAST)[ids(events)[0]]}/32")
    gone = product.terminate(EAST, ids(events))
    delivery = product.receive(gone)
    assert set(delivery.hooks.values()) == {"CONTINUE"}
    assert all(len(lists.entries(region)) == 3 for region in (EAST, WEST)), "two in the west, and the office"


def test_what_a_person_does_to_a_list_is_put_right_and_told(world: World, product: Product, lists: Lists) -> None:
    """An entry of the mesh that is removed comes back; one that is described anew is that person's from then on."""
    world.seed(EAST, 2)
    product.synced()
    removed, kept = sorted(cidr for cidr in lists.entries(WEST) if cidr != OFFICE["Cidr"])
    lists.modify(WEST, RemoveEntries=[{"Cidr": removed}])
    report = product.true_up(WEST)
    assert lists.exact
    (drift,) = findings(report, "drift")
    assert (drift["subject"], removed in drift["detail"]) == (lists.ids[WEST], True)
    lists.modify(WEST, RemoveEntries=[{"Cidr": kept}])
    lists.modify(WEST, AddEntries=[{"Cidr": kept, "Description": "kept by Ann"}])
    product.true_up(WEST)
    assert lists.entries(WEST)[kept] == "kept by Ann"


def test_a_full_list_names_who_is_left_out_and_a_deleted_one_fails_alone(
    world: World, product: Product, lists: Lists
) -> None:
    world.seed(WEST, 19)
    product.synced()
    assert len(lists.entries(EAST)) == 20
    events = product.launch(EAST, 1)
    delivery = product.receive(events)
    assert set(delivery.hooks.values()) == {"ABANDON"}
    full = findings(delivery.reports[0], "over-quota")
    assert {one["subject"] for one in full} == set(lists.ids.values())
    assert len(world.owned(EAST)) == 20, "the group has room"
    world.client("ec2", WEST).delete_managed_prefix_list(PrefixListId=lists.ids[WEST])
    report = product.true_up(WEST)
    failed = {one["security_group"]: one["error"] for one in report["targets"] if one["error"]}
    assert list(failed) == [lists.ids[WEST]]


def test_the_command_line_shows_lists_as_it_shows_groups(
    world: World, product: Product, lists: Lists, tmp_path: Path
) -> None:
    world.seed(EAST, 1)
    product.synced()
    ((instance, address),) = addresses(world, EAST).items()
    shown = product.sgsync("plan", folder=tmp_path)
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert lists.ids[EAST] in product.sgsync("status", folder=tmp_path).stdout
    explained = product.sgsync("explain", address, folder=tmp_path).stdout
    assert lists.ids[WEST] in explained and f"all {address}/32" in explained
    checked = product.sgsync("check", "--online", folder=tmp_path).stdout
    assert re.search(rf"{lists.ids[WEST]}.*needs \d+ of 20 IPv4 entries", checked), checked
    wrong = world.client("ec2", WEST).create_managed_prefix_list(
        PrefixListName="six", MaxEntries=5, AddressFamily="IPv6", Entries=[{"Cidr": "2001:db8::/64"}]
    )["PrefixList"]["PrefixListId"]
    document = product.document.replace(lists.ids[WEST], wrong)
    checked = product.sgsync("check", "--online", document=document, folder=tmp_path).stdout
    assert "member[1].prefix_lists[0]: holds IPv6 addresses" in checked, checked
    assert instance in product.sgsync("explain", instance, folder=tmp_path).stdout
