"""The operator's API for commands: what a kubeconfig names, asked with the rights that it gives."""

from __future__ import annotations

import base64
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Self

import typer
import yaml

from desired_state.objects import DEFAULT_NAMESPACE, GROUP, VERSION, JsonObject
from swarmkeeper.commands.errors import CommandError
from swarmkeeper.settings import Settings

_ROOT: Final = f"/apis/{GROUP}/{VERSION}"
_TIMEOUT: Final = 10.0  # seconds
DEFAULT_KUBECONFIG: Final[Path] = Settings.model_fields["data_dir"].default / "kubeconfig"

KubeconfigOption = Annotated[
    Path,
    typer.Option(envvar="KUBECONFIG", help="The way to the operator's API; it writes this file."),
]
NamespaceOption = Annotated[str, typer.Option("--namespace", "-n", help="Of the object.")]
HERE: Final = DEFAULT_NAMESPACE


class UnreachableError(CommandError):
    """The operator does not answer now."""


@dataclass(frozen=True, slots=True)
class KubeApi:
    """The operator's API.

    Attributes:
        server: its URL.
        token: bearer token.
        authority: PEM of the certificate to trust; empty for plain http.
    """

    server: str
    token: str
    authority: str

    @classmethod
    def of(cls, kubeconfig: Path) -> Self:
        """The API that a kubeconfig points at.

        Raises:
            CommandError: there is no such file, or it is no kubeconfig of the operator.
        """
        try:
            document = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
            cluster = document["clusters"][0]["cluster"]
            authority = base64.b64decode(cluster.get("certificate-authority-data", "")).decode()
            return cls(cluster["server"], document["users"][0]["user"]["token"], authority)
        except OSError as error:
            raise CommandError(
                f"{kubeconfig} can't be read: give the operator's --kubeconfig"
            ) from error
        except (yaml.YAMLError, LookupError, TypeError, ValueError) as error:
            raise CommandError(f"{kubeconfig} is no kubeconfig of the operator") from error

    def path(self, kind: str, name: str, namespace: str) -> str:
        """Where an object is.

        Raises:
            CommandError: the operator has no such kind.
        """
        return f"{self.folder(kind, namespace)}/{name}"

    def folder(self, kind: str, namespace: str) -> str:
        """Where the objects of a kind are.

        Raises:
            CommandError: the operator has no such kind.
        """
        listed = self.ask("GET", _ROOT)["resources"]
        kinds = [each for each in listed if each["namespaced"] and "/" not in each["name"]]
        plurals = {each["kind"]: each["name"] for each in kinds}
        if kind not in plurals:
            raise CommandError(f"there is no kind {kind!r}: there are {', '.join(sorted(plurals))}")
        return f"{_ROOT}/namespaces/{namespace}/{plurals[kind]}"

    def annotate(self, path: str, annotations: Mapping[str, str]) -> JsonObject:
        """Sets annotations of an object.

        Raises:
            CommandError: the API refuses, or does not answer.
        """
        return self.ask("PATCH", path, {"metadata": {"annotations": dict(annotations)}})

    def ask(self, method: str, path: str, body: Any = None) -> JsonObject:
        """Sends one request.

        Raises:
            CommandError: the API refuses.
            UnreachableError: it does not answer.
        """
        patch = "application/merge-patch+json"
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": patch if method == "PATCH" else "application/json",
        }
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - the operator's own address
            self.server + path, data, headers, method=method
        )
        context = ssl.create_default_context(cadata=self.authority) if self.authority else None
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT, context=context) as answer:  # noqa: S310
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            with error:
                raise CommandError(_message(error)) from error
        except OSError as error:
            why = getattr(error, "reason", error)
            raise UnreachableError(
                f"the operator at {self.server} does not answer: {why}"
            ) from error


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(error)["message"])
    except (ValueError, LookupError, TypeError):
        return f"the operator answered {error.code}"
