"""What `frostway forward` does."""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from domain.names import NAME
from frostway.cli.work.tables import print_table
from frostway.failure import Failure
from frostway.programs import stop_event
from frostway.settings import Settings
from frostway.stack import find
from operations.forward.files import FORMATS, Files
from operations.forward.http import Http
from operations.forward.loop import Forwarder, Options, Summary
from operations.forward.mqtt import Mqtt
from operations.forward.sink import ForwardError, Sink
from store.db import connect
from store.forward import ForwardStore, listed
from store.link import Link
from store.migrate import check
from store.tenants import tenant_key
from tracker.families import KINDS

log = logging.getLogger(__name__)

EVER = datetime(1970, 1, 1, tzinfo=UTC)
WHAT = ("readings", "facts")
ONCE_PATIENCE_S = 60.0


@dataclass(frozen=True)
class Asked:
    """What was typed."""

    to: str
    what: str
    form: str
    name: str
    since: datetime | None
    is_once: bool
    user: str
    secret_file: Path | None
    ca_file: Path | None
    prefix: str | None
    park: Path | None
    roll_bytes: int
    roll_s: float
    tenant: str


def forward(data: Path | None, settings: Settings, asked: Asked) -> str:
    """Forwards until it is stopped, or there is nothing more; a line on what was done.

    Raises:
        Failure: it cannot begin or go on; nothing is lost.
    """
    what = _what(asked.what)
    if not NAME.match(asked.name):
        raise Failure(f"--name {asked.name}: a-z, 0-9, - and _, at most 64 characters, no - or _ first")
    try:
        sink = _sink(asked, _secret(asked, settings))
        url = find(data, settings).database_url
        with connect(url, "forward") as connection:
            check(connection)
            tenant_id = tenant_key(connection, asked.tenant)
        stop = stop_event()
        link = Link(url, "forward", stop)
        store = ForwardStore(link, asked.name, KINDS)
        _enter(store, tenant_id, sink, what, asked)
        patience_s = ONCE_PATIENCE_S if asked.is_once else None
        options = Options(asked.tenant, tenant_id, frozenset(what), asked.is_once, asked.park, patience_s)
        done = Forwarder(link, store, sink, options, stop).run()
    except ForwardError as error:
        raise Failure(str(error)) from error
    return _words(done, sink, asked.name)


def _what(text: str) -> list[str]:
    found = [part.strip() for part in text.split(",")]
    if not found or set(found) - set(WHAT):
        raise Failure(f"--what {text}: {', '.join(WHAT)}, or both by comma")
    return [each for each in WHAT if each in found]


def _secret(asked: Asked, settings: Settings) -> str:
    """The password or token; never of the command line, where everybody on the machine reads it."""
    if asked.secret_file is None:
        return settings.forward_secret.get_secret_value()
    try:
        return asked.secret_file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"--secret-file {asked.secret_file}: {getattr(error, 'strerror', None) or 'no text'}") from None


def _sink(asked: Asked, secret: str) -> Sink:
    scheme, is_url, _ = asked.to.partition("://")
    if asked.form not in FORMATS:
        raise Failure(f"--format {asked.form}: {', '.join(FORMATS)}")
    if not is_url:
        return Files(Path(asked.to), asked.tenant, asked.name, asked.form, asked.roll_bytes, asked.roll_s)
    if asked.form != "ndjson":
        raise Failure(f"--format {asked.form}: of files only; by {scheme} everything goes as JSON")
    if scheme in ("http", "https"):
        return Http(asked.to, asked.tenant, asked.user, secret, _tls(asked.ca_file))
    if scheme in ("mqtt", "mqtts"):
        prefix = f"frostway/{asked.tenant}" if asked.prefix is None else asked.prefix
        return Mqtt(asked.to, prefix, asked.user, secret, _tls(asked.ca_file))
    raise Failure(f"--to: {scheme}:// is none of http, https, mqtt, mqtts; a folder stands without ://")


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            raise Failure(f"--ca-file {ca_file}: {error.strerror or 'no certificates'}") from None
    return context


def _enter(store: ForwardStore, tenant_id: int, sink: Sink, what: list[str], asked: Asked) -> None:
    """The place under this name: made when there is none, and the same as before."""
    known = store.known()
    if known is None:
        store.make(tenant_id, sink.target, what, asked.since)
        log.info("%s begins %s", asked.name, f"with what was received since {asked.since}" if asked.since else "now")
        return
    if known["tenant_id"] != tenant_id:
        raise Failure(f"--name {asked.name} is a forwarder of tenant {known['tenant']}: give this one another name")
    if known["what"] != what:
        raise Failure(f"--name {asked.name} forwards {','.join(known['what'])}: give this one another name")
    store.aim(sink.target)
    beginning = "; --since is of its beginning" if asked.since else ""
    log.info("%s goes on, %.0f s behind%s", asked.name, known["lag_s"], beginning)


def _words(done: Summary, sink: Sink, name: str) -> str:
    files = f", {done.files} file{'s' * (done.files != 1)}" if done.files else ""
    parked = f", {done.parked} put aside" if done.parked else ""
    counts = f"{done.readings} readings and {done.facts} facts forwarded to {sink.target}"
    return f"{counts}{files}{parked}; {name} goes on there"


def print_forwarders(data: Path | None, settings: Settings) -> None:
    """All forwarders."""
    with connect(find(data, settings).database_url, "forward list") as connection:
        check(connection)
        found = listed(connection)
    rows = [
        [
            each["name"],
            each["tenant"],
            ",".join(each["what"]),
            each["target"],
            f"{each['lag_s']:.0f}",
            "reads the tables" if each["is_filling"] else each["last_error"] or "",
        ]
        for each in found
    ]
    head = ["name", "tenant", "what", "to", "behind_s", "state"]
    print_table(head, rows, "Nothing is forwarded: `frostway forward --to DIR` begins.")


def forget(data: Path | None, settings: Settings, name: str) -> None:
    """Gives the place of a forwarder up. Raises `Failure`: there is none, or it is at work."""
    link = Link(find(data, settings).database_url, "forward forget")
    try:
        store = ForwardStore(link, name)
        if store.known() is None:
            raise Failure(f"no forwarder {name!r}: `frostway forward --list` shows them")
        if not store.take():
            raise Failure(f"{name} is at work: stop it first")
        store.forget()
    finally:
        link.close()
