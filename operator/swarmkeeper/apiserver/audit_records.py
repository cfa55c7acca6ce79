"""AuditRecord: an entry of the audit trail as an object of the API.

The object is made of the entry whenever it is read; nothing is stored for it. Its name and its
resourceVersion are the entry's position in the chain, so both grow with time and never change.
"""

from __future__ import annotations

import re
import uuid
from typing import Any, Final

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from desired_state.objects import DEFAULT_NAMESPACE, GROUP
from swarmkeeper.apiserver.catalogue import AUDIT_RECORD
from swarmkeeper.runtime.ports import ApiError
from swarmkeeper.store.audit_chain import Link
from swarmkeeper.store.objects import Key, Stored

KIND_LABEL: Final = f"{GROUP}/kind"
NAMESPACE_LABEL: Final = f"{GROUP}/namespace"
NAME_LABEL: Final = f"{GROUP}/name"
RUNBOOK_LABEL: Final = f"{GROUP}/runbook"
ENTRY_LABEL: Final = f"{GROUP}/entry"

_LABEL_VALUE: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_POSITION: Final = re.compile(r"[1-9][0-9]{0,17}")  # fits the column
_UIDS: Final = uuid.UUID("4f1d6c52-6f0e-4c1b-9a57-0c5a8e6f3b21")  # namespace of the objects' uids


class AuditRecord(BaseModel):
    """What an entry says, beside apiVersion, kind and metadata."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    seq: int = Field(description="Position in the chain, from 1, without gaps; also the name.")
    at: str = Field(description="When it was written: RFC 3339, UTC, microseconds.")
    action: str = Field(description="Id of the action; all its entries share it.")
    entry: str = Field(
        description="What is said of the action: Intended, Approved, Resumed, Succeeded, Applied, "
        "Failed, Superseded or Relapsed."
    )
    object: str = Field(
        description="The object that was kept true, e.g. SwarmService/web; outside the namespace "
        "default, SwarmService/NAMESPACE/web."
    )
    uid: str = Field(description="Identity of that object.")
    generation: int = Field(description="Generation of that object's spec.")
    revision: str = Field(
        description="Commit in which that object was last changed; empty for one made by hand."
    )
    reconcile_id: str = Field(description="The pass, as in the log.")
    runbook: str = Field(description="What was done.")
    target: str = Field(description="What it was done to.")
    step: str = Field(description="Key of the step: equal for equal inputs.")
    reason: str = Field(description="Why, for people.")
    before: dict[str, Any] = Field(
        default_factory=dict, description="The touched fields as observed, secrets masked."
    )
    after: dict[str, Any] = Field(
        default_factory=dict, description="The same fields as wanted, secrets masked."
    )
    revert: str = Field(default="", description="The runbook that undoes it.")
    outcome: str = Field(default="", description="Result or error; empty before there is any.")
    verification: str = Field(
        default="",
        description="What the fresh look at the world showed; empty before there is any.",
    )
    previous: str = Field(description="Hash of the entry before; 64 zeros for the first one.")
    hash: str = Field(description="SHA-256 over the entry and the hash before it.")


def position(name: str) -> int | None:
    """The position in the chain that an object's name tells, or None where it tells none."""
    return int(name) if _POSITION.fullmatch(name) else None


def stored(link: Link) -> Stored:
    """An entry as an object.

    Raises:
        ApiError: 500, the entry is not as the program writes it.
    """
    try:
        told = orjson.loads(link.document)
        body = AuditRecord.model_validate(
            {
                **told,
                "seq": link.seq,
                "at": link.at,
                "action": link.action,
                "entry": link.entry,
                "previous": link.previous,
                "hash": link.hash,
            }
        )
    except (orjson.JSONDecodeError, TypeError, ValidationError):
        message = (
            f"entry {link.seq} of the audit trail is damaged: run swarmkeeper audit-trail verify"
        )
        raise ApiError(500, "InternalError", message) from None
    name, uid = str(link.seq), str(uuid.uuid5(_UIDS, link.hash))
    document = {
        "apiVersion": AUDIT_RECORD.api_version,
        "kind": AUDIT_RECORD.kind,
        "metadata": {
            "name": name,
            "uid": uid,
            "resourceVersion": name,
            "creationTimestamp": f"{link.at[:19]}Z",
            "labels": _labels(body),
        },
        **body.model_dump(by_alias=True),
    }
    return Stored(Key(AUDIT_RECORD.kind, "", name), uid, link.seq, orjson.dumps(document))


def _labels(body: AuditRecord) -> dict[str, str]:
    """What `-l` finds entries by; what can't be the value of a label is left out."""
    kind, _, rest = body.object.partition("/")
    namespace, _, name = rest.rpartition("/")
    labels = {
        KIND_LABEL: kind,
        NAMESPACE_LABEL: namespace or DEFAULT_NAMESPACE,
        NAME_LABEL: name,
        RUNBOOK_LABEL: body.runbook,
        ENTRY_LABEL: body.entry,
    }
    return {label: value for label, value in labels.items() if _LABEL_VALUE.fullmatch(value)}
