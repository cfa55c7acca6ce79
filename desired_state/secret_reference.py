"""A reference to a secret: where its value lies, never the value."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from desired_state.declared import DeclaredModel

SecretName = Annotated[
    str, StringConstraints(pattern=r"^[a-zA-Z0-9]([a-zA-Z0-9_.-]*[a-zA-Z0-9])?$", max_length=64)
]
"""A name as Docker's secrets have it."""


class SecretReference(DeclaredModel):
    """Names a secret; its value is read where it is used and written nowhere."""

    name: SecretName
    """Name of the secret: a file or a folder of files where the operator finds its secrets."""


class SecretKeyReference(SecretReference):
    """Names a secret, or one file of a secret that is a folder."""

    key: SecretName | None = None
    """File in the folder; none where the secret is a file itself, as Docker's are."""
