"""`frostway doctor`: what is wrong here and how to mend it."""

from __future__ import annotations

import asyncio
import http.client
import shutil
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import psycopg
from rich.console import Console

from frostway.broker import find_mosquitto
from frostway.broker_log import cut_off, explain
from frostway.settings import Settings
from frostway.stack import NoStackError, Stack, find
from store import migrate
from store.db import connect, queries
from store.forward import listed
from store.partitions import edition

MIN_FREE_BYTES = 200 * 1024 * 1024
LAG_S_MAX = 60.0
FORWARD_LAG_S_MAX = 25 * 3600.0  # one that runs once a day is well


class Finding(NamedTuple):
    """One thing looked at. `mend` says what to do when it is not well."""

    well: bool
    what: str
    mend: str = ""


def examine(data: Path | None, settings: Settings) -> int:
    """Prints findings; 0 when all is well."""
    console = Console(highlight=False)
    sick = 0
    for finding in findings(data, settings):
        sick += not finding.well
        console.print(("[green]ok[/]   " if finding.well else "[red]bad[/]  ") + finding.what)
        if not finding.well and finding.mend:
            console.print(f"     → {finding.mend}")
    return 1 if sick else 0


def findings(data: Path | None, settings: Settings) -> Iterator[Finding]:
    """Looks at the machine, then at each part of the stack."""
    folder = data or settings.data_dir
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    yield Finding(free >= MIN_FREE_BYTES, f"{free // 2**20} MiB free at {folder}", "free some space: at least 200 MiB")
    mosquitto = find_mosquitto()
    yield Finding(well=True, what=f"broker program: {mosquitto or 'none, so the demo broker stands in'}")
    pages = Path(__file__).resolve().parents[1] / "api" / "static" / "index.html"
    yield Finding(
        pages.exists(), "pages are built", "run `make install` (it builds them with the Node that pip brings)"
    )
    yield from _provider(settings)
    try:
        stack = find(data, settings)
    except NoStackError as error:
        yield Finding(False, "no running stack", str(error))  # noqa: FBT003
        return
    for name, address in stack.metrics.items():
        yield Finding(True, f"metrics of {name}: {address}")  # noqa: FBT003
    yield from _database(stack)
    yield _broker(stack)
    if stack.data_dir is not None and (found := cut_off(stack.data_dir / "log" / "broker.log")):
        what, mend = explain(found)
        yield Finding(False, what, mend)  # noqa: FBT003
    yield _api(stack, settings.http_tls_cert)


def _provider(settings: Settings) -> Iterator[Finding]:
    """Whether people can sign in with the provider, when there is one."""
    from api.oidc.provider import Provider  # noqa: PLC0415 - of no use where there is none
    from api.oidc.words import SignInError  # noqa: PLC0415
    from frostway.failure import Failure  # noqa: PLC0415
    from frostway.signing import oidc_of  # noqa: PLC0415

    try:
        config = oidc_of(settings)
        if config is not None:
            asyncio.run(Provider(config).said())
            yield Finding(True, f"people sign in with {config.shown}: {config.issuer}")  # noqa: FBT003
    except Failure as error:
        yield Finding(False, str(error), "correct the setting; the API does not start so")  # noqa: FBT003
    except SignInError as error:
        mend = "start it, or correct FROSTWAY_OIDC_ISSUER and FROSTWAY_OIDC_CA_FILE; nobody signs in with it meanwhile"
        yield Finding(False, f"sign-in provider: {error}", mend)  # noqa: FBT003


def _database(stack: Stack) -> Iterator[Finding]:
    try:
        with connect(stack.database_url, "doctor") as connection:
            found = edition(connection)
            name = (
                f"TimescaleDB {found.version} ({found.license})" if found.available else "PostgreSQL, native partitions"
            )
            yield Finding(True, f"database answers: {name}")  # noqa: FBT003
            schema = _schema(lambda: migrate.check(connection))
            yield schema
            if schema.well:
                yield from _operations(connection)
                yield from _forwarders(connection)
    except psycopg.Error as error:
        text = str(error).strip().split("\n")[0]
        yield Finding(False, f"database: {text}", "start it, or correct FROSTWAY_DATABASE_URL")  # noqa: FBT003


def _operations(connection: psycopg.Connection) -> Iterator[Finding]:
    """Whether the program is there, how far its followers are behind, and its jobs."""
    q = queries("operations")
    alive = connection.execute(q["alive"]).fetchone()
    yield Finding(bool(alive and alive[0]), "operations is at work", "start `frostway operations`, or look at its log")
    for name, unread, age_s in connection.execute(q["lag"]).fetchall():
        what = f"operations has {unread} rows of {name} to take in, the oldest {age_s:.0f} s old"
        yield Finding(age_s < LAG_S_MAX or not unread, what, "look at its log; a transaction left open holds it up too")
    for task, waiting, failed in connection.execute(queries("jobs")["counts"]).fetchall():
        if waiting or failed:
            what = f"jobs {task}: {failed} failed in the last week, {waiting} due for more than a minute"
            yield Finding(False, what, "the log of operations says why")  # noqa: FBT003


def _forwarders(connection: psycopg.Connection) -> Iterator[Finding]:
    """How far each forwarder is behind."""
    for each in listed(connection):
        state = "reads the tables" if each["is_filling"] else each["last_error"] or ""
        what = f"forwarder {each['name']} to {each['target']} is {each['lag_s']:.0f} s behind"
        mend = f"start it again or look at its log; `frostway forward --forget {each['name']}` when nobody wants it"
        is_well = each["lag_s"] < FORWARD_LAG_S_MAX and not each["last_error"]
        yield Finding(is_well, what + (f": {state}" if state else ""), mend)


def _schema(check: Callable[[], None]) -> Finding:
    try:
        check()
    except migrate.SchemaError as error:
        return Finding(False, "schema", str(error))  # noqa: FBT003
    return Finding(True, "schema is this program's")  # noqa: FBT003


def _broker(stack: Stack) -> Finding:
    parts = urlsplit(stack.mqtt_url)
    if not parts.hostname:
        return Finding(False, "no broker named", "set FROSTWAY_MQTT_URL")  # noqa: FBT003
    where = f"{parts.hostname}:{parts.port or 1883}"

    try:
        with socket.create_connection((parts.hostname, parts.port or 1883), timeout=3):
            pass
    except OSError as error:
        return Finding(False, f"broker at {where}: {error}", "start it, or correct FROSTWAY_MQTT_URL")  # noqa: FBT003
    return Finding(True, f"broker listens at {where}")  # noqa: FBT003


def _trusting(certificate: str) -> ssl.SSLContext:
    """Trust in this very certificate, whoever signed it and for whichever name."""
    context = ssl.create_default_context(cafile=certificate)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _api(stack: Stack, certificate: str) -> Finding:
    parts = urlsplit(stack.http_url)
    where = (parts.hostname or "127.0.0.1", parts.port or 80)
    try:
        connection = http.client.HTTPConnection(*where, timeout=3)
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(*where, timeout=3, context=_trusting(certificate))
    except OSError as error:
        return Finding(False, f"{certificate}: {error}", "correct FROSTWAY_HTTP_TLS_CERT")  # noqa: FBT003
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return Finding(
            answer.status == http.HTTPStatus.OK, f"API at {stack.http_url} answers {answer.status}", "look at its log"
        )
    except OSError as error:
        return Finding(False, f"API at {stack.http_url}: {error}", "start it, or look at its log")  # noqa: FBT003
    finally:
        connection.close()
