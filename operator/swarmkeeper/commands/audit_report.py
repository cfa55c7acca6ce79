"""The audit trail for people: an entry as a line, an action as a page, a check as a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import orjson

from desired_state.objects import JsonObject
from swarmkeeper.store.audit import OUTCOMES, Entry, Record
from swarmkeeper.store.audit_chain import Findings, Link
from swarmkeeper.store.audit_reads import record


def line(found: Record) -> str:
    """An entry in one line."""
    step = found.step
    told = "; ".join(part for part in (found.outcome, found.verification) if part) or step.reason
    return (
        f"{found.seq:>5}  {found.at}  {found.entry:<10}  {found.action}  {step.object}"
        f"  {step.runbook}  {step.target}  {told}"
    )


def action(links: Sequence[Link]) -> JsonObject:
    """All that the trail says about one action, as a document.

    Args:
        links: its entries, oldest first; at least one.
    """
    records = [record(link) for link in links]
    approved = [r.outcome for r in records if r.entry is Entry.APPROVED]
    relapsed = [r.outcome for r in records if r.entry is Entry.RELAPSED]
    ended = next((r for r in reversed(records) if r.entry in OUTCOMES), None)
    return {
        "action": records[0].action,
        **asdict(records[-1].step),
        "approval": approved[-1] if approved else "",
        "state": str(ended.entry) if ended else "Open",
        "outcome": ended.outcome if ended else "",
        "verification": ended.verification if ended else "",
        "relapse": relapsed[-1] if relapsed else "",
        "entries": [_entry(link, found) for link, found in zip(links, records, strict=True)],
    }


def page(document: Mapping[str, Any]) -> Iterator[str]:
    """The lines of an action for people.

    Args:
        document: as `action` gives it.
    """
    said = {
        "Action": document["action"],
        "Object": f"{document['object']}  (uid {document['uid']})",
        "Generation": document["generation"],
        "Revision": document["revision"],
        "Reconcile": document["reconcile_id"],
        "Runbook": document["runbook"],
        "Step": document["step"],
        "Target": document["target"],
        "Reason": document["reason"],
        "Before": _fields(document["before"]),
        "After": _fields(document["after"]),
        "Revert": document["revert"],
        "Approval": document["approval"],
        "State": document["state"],
        "Outcome": document["outcome"],
        "Verified": document["verification"],
        "Relapse": document["relapse"],
    }
    yield from (f"{name:<11} {value}" for name, value in said.items() if value != "")
    yield "Entries"
    for entry in document["entries"]:
        yield f"  {entry['seq']:>5}  {entry['at']}  {entry['entry']:<10}  sha256 {entry['hash']}"


def verdict(found: Findings) -> str:
    """What was checked and found whole, in a sentence."""
    noun = "entry" if found.entries == 1 else "entries"
    if found.newest is None:
        return "0 entries: there is nothing to check"
    newest = f"the newest is {found.newest.seq}:{found.newest.hash}"
    if found.complete:
        return f"{found.entries} {noun}: the chain is whole; {newest}"
    return (
        f"{found.entries} {noun} between {found.first} and {found.newest.seq}: each is as it was"
        f" written; a selection does not tell what is missing; {newest}"
    )


def _entry(link: Link, found: Record) -> JsonObject:
    return {
        "seq": link.seq,
        "at": link.at,
        "entry": link.entry,
        "outcome": found.outcome,
        "verification": found.verification,
        "previous": link.previous,
        "hash": link.hash,
    }


def _fields(fields: Mapping[str, Any]) -> str:
    return ", ".join(f"{path}={orjson.dumps(value).decode()}" for path, value in fields.items())
