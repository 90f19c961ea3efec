"""Commands for tenants: add one, list them, export one, delete one."""

from __future__ import annotations

import os
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from frostway import __version__
from frostway.broker import forget_devices
from frostway.failure import Failure
from frostway.settings import Settings
from frostway.stack import WHO, Stack, find
from store import report, tenants
from store.db import connect
from store.export import export, manifest
from store.leaving import Leaving, begin_anew
from store.migrate import current_version
from store.registry import Registry
from store.secrets import new_token

SETTLE_S = 3.0
"""So long after the devices were shut out nothing of theirs can come into the log: ingest hears of it in 0.2 s."""
PATIENCE_S = 30.0
POLL_S = 0.1


def add_tenant(data: Path | None, settings: Settings, name: str) -> None:
    """Makes a tenant.

    Raises:
        RegistryError: the name is none, or there is a tenant of this name.
    """
    with connect(find(data, settings).database_url, "tenant add") as connection, connection.transaction():
        tenants.add_tenant(connection, name)
        begin_anew(connection, name)
        Registry(connection, name).audit(WHO, "tenant.create", name)


def print_tenants(data: Path | None, settings: Settings) -> None:
    """A table of tenants."""
    from frostway.cli.work.tables import print_table  # noqa: PLC0415

    with connect(find(data, settings).database_url, "tenant list") as connection:
        found = tenants.tenants(connection)
    print_table(["tenant", "devices"], [[t.name, str(t.devices)] for t in found], "No tenants.")


def export_tenant(data: Path | None, settings: Settings, name: str, to: Path) -> Path:
    """Writes all of a tenant into a file that only its owner may read; returns which.

    Raises:
        UnknownTenantError: there is none of this name.
        Failure: the file is there already.
    """
    made_at = datetime.now(UTC)
    file = to if to.suffix == ".zip" else to / f"{name}-{made_at:%Y%m%dT%H%M%SZ}.zip"
    if file.exists():
        raise Failure(f"{file} is there already: name a new one")
    with connect(find(data, settings).database_url, "tenant export") as connection:
        tenant_id = tenants.tenant_key(connection, name)
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _whole(file) as raw, zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive, _progress() as tell:

            def opened(inside: str) -> IO[bytes]:
                return archive.open(inside, "w", force_zip64=True)

            found = export(connection, tenant_id, name, opened, tell)
            about = {"tenant": name, "made_at": f"{made_at:%Y-%m-%dT%H:%M:%SZ}", "frostway": __version__}
            archive.writestr("manifest.json", manifest(found, **about, schema=current_version(connection)))
        Registry(connection).audit(WHO, "tenant.export", name, rows=sum(each["rows"] for each in found))
    return file


def put_report_login(data: Path | None, settings: Settings, name: str) -> tuple[str, str]:
    """The login of a tenant's dashboards, with a new password; both.

    Raises:
        UnknownTenantError: there is none of this name.
    """
    password = new_token()
    with connect(find(data, settings).database_url, "tenant report-login") as connection:
        user = report.put_login(connection, tenants.tenant_key(connection, name), password)
        Registry(connection, name).audit(WHO, "tenant.report_login", name)
    return user, password


def drop_report_login(data: Path | None, settings: Settings, name: str) -> str:
    """Takes it away; says whether there was one.

    Raises:
        UnknownTenantError: there is none of this name.
    """
    with connect(find(data, settings).database_url, "tenant report-login") as connection:
        if not report.drop_login(connection, tenants.tenant_key(connection, name)):
            return f"tenant {name} has no login for dashboards"
        Registry(connection, name).audit(WHO, "tenant.report_login", name, dropped=True)
    return f"the login of {name} for dashboards is gone"


def delete_tenant(data: Path | None, settings: Settings, name: str, asked: Callable[[str], None]) -> None:
    """Removes a tenant and everything of it.

    Raises:
        UnknownTenantError: there is none of this name; also when it is gone already.
        RegistryError: it is the first one, or something goes on writing.
        Failure: nobody says yes, or the tracker does not run while there is something for it to read.
    """
    stack = find(data, settings)
    with connect(stack.database_url, "tenant delete") as connection:
        leaving = Leaving(connection, name)
        devices, vehicles, people = leaving.counts()
        has = f"{devices} devices, {vehicles} vehicles, {people} people and all history"
        asked(f"delete tenant {name} with {has} for good?")
        leaving.begin(WHO)
        _tell_broker(stack, name)
        _wait(leaving)
        with _progress() as tell:
            gone: dict[str, int] = {}
            for table, rows in leaving.remove():
                gone[table] = gone.get(table, 0) + rows
                tell(table, gone[table])
        leaving.finish(WHO)
    _tell_broker(stack, name)


def _tell_broker(stack: Stack, name: str) -> None:
    if stack.data_dir is not None and (stack.data_dir / "broker").exists():
        forget_devices(stack.data_dir, stack.database_url, name)


def _wait(leaving: Leaving) -> None:
    """Until the tracker has read what was in the log when nothing of the tenant could come any more.

    Raises:
        Failure: it does not go on.
    """
    time.sleep(SETTLE_S)
    wanted = {partition: head for partition, (head, _) in leaving.positions().items()}
    last, since = -1, time.monotonic()
    while True:
        read = {partition: done for partition, (_, done) in leaving.positions().items()}
        if all(read[partition] >= head for partition, head in wanted.items()):
            return
        if sum(read.values()) > last:
            last, since = sum(read.values()), time.monotonic()
        elif time.monotonic() - since > PATIENCE_S:
            raise Failure(
                "the tracker does not read the log, in which readings of this tenant may be: start it, then run the "
                "same command again; nobody of the tenant gets in meanwhile"
            )
        time.sleep(POLL_S)


@contextmanager
def _whole(file: Path) -> Iterator[IO[bytes]]:
    """A new file that is there whole or not at all."""
    part = file.with_name(f".{file.name}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as raw:
            yield raw
        part.rename(file)
    except OSError as error:
        raise Failure(f"{file} cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _progress() -> Iterator[Callable[[str, int], None]]:
    """Table by table how many rows, on a terminal."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed:,.0f} rows"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=None)
        yield lambda table, rows: progress.update(task, description=table, completed=rows)
