"""What `frostway profile` does in a stack: profiles made, shown, written to lines of JSON and read from them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from psycopg.rows import dict_row

from domain.cold_chain.parsing import ProfileError, body_of, profile_of
from domain.cold_chain.profile import TemperatureProfile
from domain.cold_chain.ready_made import READY_MADE
from domain.times import rfc3339, to_us
from frostway.cli.work.tables import print_table
from frostway.failure import Failure
from frostway.settings import Settings
from frostway.stack import WHO, find
from store.db import connect, queries
from store.profiles import add_profile, add_version, key_of, read_version, version_values
from store.registry import Registry, RegistryError

FILE_BYTES_MAX = 16 * 1024 * 1024
ALL = 1_000_000


def taken(key: str) -> TemperatureProfile:
    """A profile that is ready made.

    Raises:
        Failure: there is none of this name.
    """
    if key not in READY_MADE:
        raise Failure(f"--ready-made {key}: one of {', '.join(READY_MADE)}")
    return READY_MADE[key].profile


def print_ready_made() -> None:
    """A table of them."""
    rows = [[key, r.title, r.profile.edition or "-", r.profile.source] for key, r in READY_MADE.items()]
    print_table(["name", "for", "edition", "source"], rows, "")


def make_profile(data: Path | None, settings: Settings, tenant: str, name: str, profile: TemperatureProfile) -> str:
    """A new temperature profile. Raises `RegistryError`, `NoStackError`."""
    with connect(find(data, settings).database_url, "profile add") as connection, connection.transaction():
        registry = Registry(connection, tenant)
        add_profile(connection, registry.tenant_id, name, profile, WHO)
        registry.audit(WHO, "profile.create", name, **body_of(profile))
    return f"profile {name}: give it to a device with `frostway device change ID --profile {name}`"


def shown(data: Path | None, settings: Settings, tenant: str, name: str, *, history: bool) -> list[str]:
    """What a profile says now, or all that it said. Raises as `make_profile`."""
    with connect(find(data, settings).database_url, "profile show") as connection:
        registry = Registry(connection, tenant)
        if not history:
            found = [body for each, body in _now(registry, name) if each == name]
            if not found:
                raise RegistryError(f"no temperature profile {name!r}: `frostway profile list` shows them")
            return [_pretty(body) for body in found]
        key = key_of(connection, registry.tenant_id, name)
        with connection.cursor(row_factory=dict_row) as cursor:
            values = {"tenant": registry.tenant_id, "profile": key, "before": None, "limit": ALL}
            rows = cursor.execute(queries("registry")["profile_versions"], values).fetchall()
    return [_pretty(_version(row)) for row in rows]


def _version(row: dict[str, Any]) -> dict[str, Any]:
    times = {name: row[name] and rfc3339(to_us(row[name])) for name in ("valid_from", "made_at")}
    known = {name: row[name] for name in ("version", "note", "made_by")}
    return {**known, **times, "profile": body_of(read_version(row["body"]))}


def _pretty(body: dict[str, Any]) -> str:
    return orjson.dumps(body, option=orjson.OPT_INDENT_2).decode()


def _now(registry: Registry, name: str | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    values = {"tenant": registry.tenant_id, "after": "", "name": name, "limit": ALL}
    with registry.connection.cursor(row_factory=dict_row) as cursor:
        for row in cursor.execute(queries("api")["profiles"], values).fetchall():
            if row["retired_at"] is None or name is not None:
                yield row["id"], body_of(read_version(row["body"]))


def exported(data: Path | None, settings: Settings, tenant: str) -> list[str]:
    """Lines of JSON. Raises as `make_profile`."""
    with connect(find(data, settings).database_url, "profile export") as connection:
        return [orjson.dumps({"id": name, **body}).decode() for name, body in _now(Registry(connection, tenant))]


def imported(data: Path | None, settings: Settings, tenant: str, file: Path, note: str) -> list[str]:
    """What became of each line. Raises as `make_profile`; a line that is wrong, and then nothing has changed."""
    with connect(find(data, settings).database_url, "profile import") as connection:
        registry = Registry(connection, tenant)
        lines = list(lines_of(file))
        with connection.transaction():
            return [_imported(registry, at, name, profile, note) for at, name, profile in lines]


def lines_of(file: Path) -> Iterator[tuple[str, str, TemperatureProfile]]:
    """Where each profile of a file of JSON lines stands, its name and what it says.

    Raises:
        Failure: a line is wrong.
    """
    if file.stat().st_size > FILE_BYTES_MAX:
        raise Failure(f"{file}: more than {FILE_BYTES_MAX // 1024**2} MiB")
    for n, line in enumerate(file.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        at = f"{file}, line {n}"
        try:
            body = orjson.loads(line)
            if not isinstance(body, dict) or not isinstance(name := body.pop("id", None), str):
                raise Failure(f"{at}: an object with an id is wanted")
            yield at, name, profile_of(body)
        except orjson.JSONDecodeError as error:
            raise Failure(f"{at}: no JSON: {error}") from None
        except ProfileError as error:
            raise Failure(f"{at}: {error}") from None


def _imported(registry: Registry, at: str, name: str, profile: TemperatureProfile, note: str) -> str:
    connection, tenant_id = registry.connection, registry.tenant_id
    try:
        known = connection.execute(queries("registry")["profile_id"], {"tenant": tenant_id, "name": name}).fetchone()
        if known is None:
            add_profile(connection, tenant_id, name, profile, WHO)
            registry.audit(WHO, "profile.create", name, **body_of(profile))
            return f"profile {name}: made"
        key = key_of(connection, tenant_id, name)
        version = add_version(connection, tenant_id, key, version_values(profile, WHO, note=note))
    except RegistryError as error:
        raise RegistryError(f"{at}: {error}") from None
    if version is None:
        return f"profile {name}: as it was"
    registry.audit(WHO, "profile.version", name, version=version, note=note, profile=body_of(profile))
    return f"profile {name}: version {version} from now on; what was decided stays"
