"""Where the stack is: the running embedded one by its data folder, any other by the settings."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from frostway.settings import Settings

WHO = "command line"
"""Who did it, in the audit trail."""


class NoStackError(RuntimeError):
    """No stack to talk to; the message says how to get one."""


@dataclass(frozen=True)
class Stack:
    """Addresses of a stack. `data_dir` is None unless it is the embedded one."""

    database_url: str
    mqtt_url: str
    http_url: str
    data_dir: Path | None
    metrics: Mapping[str, str] = field(default_factory=dict)
    """Program → address of its metrics, where they have been told."""
    network: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """`mqtt`, `http` and `door`: where those on the network find it; nothing when it is not open to them."""


def _is_running(folder: Path) -> bool:
    """Whether the program that wrote `run.json` there still lives."""
    try:
        os.kill(int(json.loads((folder / "run.json").read_text("utf-8"))["pid"]), 0)
    except PermissionError:
        return True
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return True


def find(data: Path | None, settings: Settings) -> Stack:
    """The stack of `--data`, else the one in the settings, else the embedded one in the default folder.

    Raises:
        NoStackError: nothing runs there and the settings name none.
    """
    explicit = data is not None or "data_dir" in settings.model_fields_set
    database = settings.database_url.get_secret_value()
    if database and data is None:
        scheme = "https" if settings.http_tls_cert else "http"
        http = f"{scheme}://{settings.http_host}:{settings.http_port}"
        folder = settings.data_dir if explicit else None
        return Stack(database, settings.mqtt_url.get_secret_value(), http, folder)
    folder = (data or settings.data_dir).absolute()
    candidates = [folder] if explicit else [folder, Path("data").absolute()]
    running = [each for each in candidates if _is_running(each)]
    if len(running) > 1:
        raise NoStackError(f"two stacks run, in {running[0]} and in {running[1]}: say which with --data")
    for each in running or candidates:
        try:
            found = json.loads((each / "run.json").read_text("utf-8"))
            metrics, network = found.get("metrics", {}), found.get("network", {})
            return Stack(found["database_url"], found["mqtt_url"], found["http_url"], each, metrics, network)
        except FileNotFoundError:
            continue
        except PermissionError:
            raise NoStackError(f"{each}/run.json belongs to another user") from None
        except (OSError, ValueError, KeyError) as error:
            raise NoStackError(f"{each}/run.json cannot be read: {error}") from error
    raise NoStackError(
        f"no stack runs in {folder}: start one with `frostway up --data {folder}`, or set FROSTWAY_DATABASE_URL"
    )


def database_of(settings: Settings) -> str:
    """The address of the database, set or found with the stack of this folder.

    Raises:
        NoStackError: there is none.
    """
    return find(None, settings).database_url
