"""`swarmkeeper run`: an option for every setting; what is not given comes from the environment."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import typer
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from desired_state.fields import format_duration
from swarmkeeper.commands.errors import CommandError
from swarmkeeper.settings import Settings

_TYPES: Final[dict[Any, Any]] = {
    bool: bool | None,
    int: int | None,
    Path: Path | None,
    Path | None: Path | None,
}


def command(**given: Any) -> int:
    """Runs the operator until SIGTERM or Ctrl-C.

    Every option can also be given as an environment variable: `--data-dir` as
    `SWARMKEEPER_DATA_DIR`, and so on. The kubeconfig that it writes is the way in for kubectl.
    Exit codes: 0 stopped as asked, 1 it could not start or had to end.
    """
    settings = read_settings({name: value for name, value in given.items() if value is not None})
    from swarmkeeper.commands.start import start  # noqa: PLC0415 - `--help` needs no adapters

    start(settings)
    return 0


def read_settings(given: dict[str, Any]) -> Settings:
    """The settings from the command line and the environment.

    Raises:
        CommandError: a value does not fit; the message names its option.
    """
    try:
        return Settings(**given)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)
        told = (f"{_option(each['loc'])}: {_reason(each['msg'])}" for each in wrong)
        raise CommandError("; ".join(told)) from None


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return f"{Settings.model_config.get('env_prefix')}{name.upper()}"


def _option(location: tuple[int | str, ...]) -> str:
    return "--" + str(location[0]).replace("_", "-") if location else "settings"


def _reason(message: str) -> str:
    return message.removeprefix("Value error, ")


def _with_options(function: Callable[..., int]) -> None:
    """Gives a function the signature from which Typer makes its options."""
    parameters = list(_parameters())
    function.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": int}
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]


def _parameters() -> Iterator[inspect.Parameter]:
    for name, field in Settings.model_fields.items():
        flag = _option((name,))
        names = [f"{flag}/--no-{flag[2:]}"] if field.annotation is bool else [flag]
        option = typer.Option(
            None, *names, help=field.description, show_default=_default(field) or False
        )
        annotation = _TYPES.get(field.annotation, str | None)
        yield inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=annotation
        )


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return format_duration(value) if hasattr(value, "total_seconds") else str(value)


_with_options(command)
