"""Names that the controller gives things: annotations, labels, the finalizer, the actor."""

from __future__ import annotations

from typing import Final

ACTOR: Final = "swarmkeeper"
"""Who writes when the operator does."""
FINALIZER: Final = "swarmkeeper.dev/finalizer"
"""Keeps an object until what it kept is undone."""
REQUESTED_AT: Final = "swarmkeeper.dev/requested-at"
"""Annotation: look now; any new value."""
ORIGIN: Final = "swarmkeeper.dev/origin"
"""Annotation: file, line and commit that declare the object."""
REVISION: Final = "swarmkeeper.dev/revision"
"""Annotation: revision of the source at which the object was last changed."""
REFUSED: Final = "swarmkeeper.dev/refused"
"""Annotation: why the declaration that stands in the source now is not in force."""
APPROVE: Final = "swarmkeeper.dev/approve"
"""Annotation: hash of the plan that people approve, see guard/approval.py."""
APPROVED_BY: Final = "swarmkeeper.dev/approved-by"
"""Annotation: who gave that approval; the API itself writes it."""
RUN: Final = "swarmkeeper.dev/run"
"""Annotation: a runbook that people ask for, see requests.py."""
SOURCE_LABEL: Final = "swarmkeeper.dev/source"
"""Label: name of the source that declares the object."""
