"""Settings without what reads them: a short-lived process finds them out, so that a program does not carry pydantic.

Reading and checking settings takes typer, rich and pydantic, a tenth of what an idle ingest or tracker holds. They are
of no use after the first moment. `frostway up`, which has them anyway, finds the settings of its programs out itself
and hands them over (`handed`): that spares each start a process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from frostway.ending import in_one_line

if TYPE_CHECKING:
    from frostway.settings import Settings


HANDED = "FROSTWAY_RESOLVED"
"""Variable with what `dump` wrote; like the others, nobody but its user and root can read it of a process."""


class Secret:
    """Stands in for pydantic's `SecretStr`: what it holds is in no log by accident."""

    def __init__(self, value: str) -> None:
        """`value`: what is kept from view."""
        self._value = value

    def get_secret_value(self) -> str:
        """What it holds."""
        return self._value

    def __repr__(self) -> str:
        """Nothing of what it holds."""
        return "Secret('**********')"


def dump(settings: Settings, database_url: str) -> str:
    """Settings as one line of JSON, secrets in plain words: for a pipe, not for a file."""
    values: dict[str, object] = {}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if hasattr(value, "get_secret_value"):
            value = {"secret": value.get_secret_value()}
        elif isinstance(value, Path):
            value = {"path": str(value)}
        values[name] = value
    return json.dumps(values | {"database_url": {"secret": database_url}})


def load(text: str) -> Settings:
    """What `dump` wrote: the same attributes with the same values, and none of the model's methods."""

    def value_of(value: object) -> object:
        if not isinstance(value, dict):
            return value
        ((kind, inner),) = value.items()
        return Secret(inner) if kind == "secret" else Path(inner)

    return cast("Settings", SimpleNamespace(**{name: value_of(value) for name, value in json.loads(text).items()}))


def handed(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment that has all, and the settings found out in it.

    They are not, where they cannot be used: the program says that itself, when it starts.
    """
    from pydantic import ValidationError  # noqa: PLC0415

    from frostway.settings import Settings  # noqa: PLC0415

    prefix = Settings.model_config["env_prefix"]
    ours = {key.removeprefix(prefix).lower(): value for key, value in environment.items() if key.startswith(prefix)}
    try:
        settings = Settings(**ours)  # type: ignore[arg-type]  # as words, which it takes as it takes those it reads
    except ValidationError:
        return dict(environment)
    return {**environment, HANDED: dump(settings, settings.database_url.get_secret_value())}


def resolve() -> Settings:
    """The effective settings, with the address of the database found.

    Raises:
        SystemExit: they cannot be used; which and why has been said on stderr.
    """
    if found := os.environ.pop(HANDED, ""):
        return load(found)
    command = [sys.executable, *(["-P"] if sys.flags.safe_path else []), "-m", "frostway.resolved"]
    said = subprocess.run(command, stdout=subprocess.PIPE, check=False)  # noqa: S603  our own module
    if said.returncode:
        sys.exit(said.returncode)
    return load(said.stdout.decode())


def main() -> None:
    """Says the settings to the program that asked."""
    from frostway.settings import read_settings  # noqa: PLC0415
    from frostway.stack import database_of  # noqa: PLC0415

    settings = read_settings()
    sys.stdout.write(dump(settings, database_of(settings)))


if __name__ == "__main__":
    with in_one_line():
        main()
