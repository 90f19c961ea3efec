"""The `frostway` command. Every failure is one clear line on stderr and exit status 1."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from domain.profiles import HIDDEN
from frostway import __version__, cli_assignments, cli_device, cli_lifecycle
from frostway.cli_account import account_app
from frostway.cli_device import KINDS
from frostway.cli_eta import eta_app
from frostway.cli_facts import facts_app
from frostway.cli_quarantine import quarantine_app
from frostway.cli_tenant import tenant_app
from frostway.cli_token import token_app
from frostway.command import DataOption, Failure, TenantOption, words
from frostway.command import say as _say
from frostway.command import settings as _settings
from frostway.secrets import without_passwords
from frostway.settings import Settings, default_data_dir

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Where everything is, how cold it is, how much is left, and when it arrives.",
)
config_app = typer.Typer(no_args_is_help=True, help="Effective settings.")
device_app = typer.Typer(no_args_is_help=True, help="Devices that publish.")
profile_app = typer.Typer(no_args_is_help=True, help="What is known of a device that its messages do not say.")
app.add_typer(config_app, name="config")
app.add_typer(device_app, name="device")
device_app.add_typer(profile_app, name="profile")
cli_assignments.add_to(device_app)
cli_device.add_to(device_app)
app.add_typer(tenant_app, name="tenant")
cli_lifecycle.add_to(app, device_app)
app.add_typer(token_app, name="token")
app.add_typer(account_app, name="account")
app.add_typer(eta_app, name="eta")
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(facts_app, name="facts")


def _logging(settings: Settings) -> None:
    logging.basicConfig(
        level=settings.log_level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )


def _stop_event() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _database(settings: Settings) -> str:
    from frostway.stack import find  # noqa: PLC0415

    return find(None, settings).database_url


@app.callback(invoke_without_command=True)
def top(version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False) -> None:  # noqa: FBT002
    """Where everything is, how cold it is, how much is left, and when it arrives."""
    if version:
        typer.echo(__version__)
        raise typer.Exit


# ---------------------------------------------------------------- the stack
@app.command()
def up(
    data: DataOption = None,
    http_port: Annotated[int, typer.Option(help="Port of the pages and the API.")] = 8080,
    mqtt_port: Annotated[int, typer.Option(help="Port the devices publish to.")] = 1883,
    sim: Annotated[
        str | None, typer.Option(help="Simulated world: demo, small or fleet-N.", show_default=False)
    ] = None,
    no_sim: Annotated[bool, typer.Option("--no-sim", help="No simulated devices.")] = False,  # noqa: FBT002
    open_: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,  # noqa: FBT002
) -> None:
    """Start the whole stack on this machine: database, broker, ingest, tracker, API."""
    from frostway.up import UpOptions, run  # noqa: PLC0415

    if sim and not no_sim:
        from firmware_sim.world import build  # noqa: PLC0415

        try:
            build(sim, 1)
        except ValueError as error:
            raise Failure(f"--sim: {error}") from None
    folder = data or Path(os.environ.get("FROSTWAY_DATA_DIR") or default_data_dir())
    world = None if no_sim else sim
    raise typer.Exit(run(UpOptions(folder, http_port, mqtt_port, world, open_browser=open_)))


@app.command()
def ingest() -> None:
    """Take readings from the broker into the log."""
    settings = _settings()
    _logging(settings)
    from ingest.background import PartError  # noqa: PLC0415
    from ingest.mqtt.receiver import ReceiverError  # noqa: PLC0415
    from ingest.service import IngestConfig, run  # noqa: PLC0415
    from ingest.spool import SpoolError  # noqa: PLC0415

    config = IngestConfig(
        database_url=_database(settings),
        mqtt_url=settings.mqtt_url.get_secret_value(),
        partitions=settings.partitions,
        group_messages=settings.ingest_group_messages,
        linger_s=settings.ingest_linger_ms / 1000,
        receiver=settings.mqtt_receiver,
        client_id=settings.mqtt_client_id,
        share=settings.mqtt_share,
        leave=settings.mqtt_leave,
        retention_days=settings.retention_days,
        metrics_port=settings.metrics_port,
        spool_dir=(settings.ingest_spool_dir or settings.data_dir / "spool") if settings.ingest_spool_mb else None,
        device_rate_per_s=settings.ingest_device_rate,
        spool_bytes=settings.ingest_spool_mb << 20,
        teltonika_host=settings.teltonika_host,
        teltonika_port=settings.teltonika_port,
        trusted_proxies=settings.trusted_proxies,
        device_http_host=settings.device_http_host,
        device_http_port=settings.device_http_port,
        device_http_open_ids=settings.device_http_open_ids,
        broker_log=settings.broker_log,
    )
    try:
        run(config, _stop_event())
    except (ReceiverError, SpoolError, PartError) as error:
        raise Failure(str(error)) from error


@app.command()
def tracker() -> None:
    """Turn the log into positions, visits, alarms, arrival times and stock."""
    settings = _settings()
    _logging(settings)
    from tracker.service import TrackerConfig, run  # noqa: PLC0415

    run(
        TrackerConfig(
            database_url=_database(settings),
            partitions=settings.partitions,
            batch_readings=settings.tracker_batch_readings,
            silence_s=settings.silence_s,
            refold_horizon_days=settings.refold_horizon_days,
            retention_days=settings.retention_days,
            log_retention_minutes=settings.log_retention_minutes,
            changes_retention_minutes=settings.changes_retention_minutes,
            metrics_port=settings.metrics_port,
            stop_dwell_minutes=settings.stop_dwell_minutes,
            prolonged_stop_minutes=settings.prolonged_stop_minutes,
            off_route_m=settings.off_route_m,
            off_route_minutes=settings.off_route_minutes,
            late_risk=settings.late_risk,
            driver_rest=settings.driver_rest,
            routing_url=settings.routing_url,
        ),
        _stop_event(),
    )


@app.command()
def api() -> None:
    """Serve the pages, REST and websockets."""
    settings = _settings()
    _logging(settings)
    from api.http.context import ApiConfig  # noqa: PLC0415
    from api.service import run  # noqa: PLC0415
    from frostway.broker import mosquitto_hash  # noqa: PLC0415
    from serving.origins import OriginError  # noqa: PLC0415
    from tracker.families import KINDS  # noqa: PLC0415

    config = ApiConfig(
        database_url=_database(settings),
        facts=KINDS,
        map_style=settings.map_style,
        demo=settings.demo,
        version=__version__,
        public_origin=settings.public_origin,
        trusted_proxies=settings.trusted_proxies,
        allowed_hosts=_own_names(settings),
        http_connections_max=settings.http_connections_max,
        sockets_per_user_max=settings.sockets_per_user_max,
        sockets_per_tenant_max=settings.sockets_per_tenant_max,
        metrics_port=settings.metrics_port,
        mqtt_hash=mosquitto_hash,
        on_devices_changed=_broker_users_writer(settings),
    )
    try:
        run(config, settings.http_host, settings.http_port)
    except OriginError as error:
        raise Failure(str(error)) from error
    except OSError as error:
        raise Failure(f"cannot listen on {settings.http_host} port {settings.http_port}: {error.strerror}") from error


def _own_names(settings: Settings) -> str:
    """Names by which the API may be asked: those of the setting, and the one it listens on, if that is a name."""
    return f"{settings.allowed_hosts} {settings.http_host}"


def _broker_users_writer(settings: Settings) -> Callable[[], None]:
    """Tells the broker of this stack about devices added over REST."""

    def write() -> None:
        from frostway.broker import refresh_devices  # noqa: PLC0415

        refresh_devices(settings.data_dir, _database(settings))

    return write


@app.command()
def sim(
    world: Annotated[str, typer.Option(help="demo, small or fleet-N.")] = "demo",
    seed: Annotated[int, typer.Option(help="Same seed, same world.")] = 7,
    rate: Annotated[float, typer.Option(help="Times real time; 0: flat out.")] = 1.0,
    out: Annotated[Path | None, typer.Option(help="Folder for the ground truth.", show_default=False)] = None,
    seconds: Annotated[float | None, typer.Option(help="Stop after this many seconds.", show_default=False)] = None,
) -> None:
    """Run simulated devices against the broker."""
    settings = _settings()
    _logging(settings)
    from firmware_sim.link import TargetError  # noqa: PLC0415
    from firmware_sim.run import CredentialsError, RunSettings, main  # noqa: PLC0415
    from frostway.demo import keep_shipping  # noqa: PLC0415

    stop = _stop_event()
    database = settings.database_url.get_secret_value()
    if database and rate == 1:
        threading.Thread(target=keep_shipping, args=(database, world, stop), daemon=True).start()
    try:
        main(RunSettings(world, seed, rate, out, seconds=seconds), stop)
    except (CredentialsError, TargetError, ValueError) as error:
        raise Failure(str(error)) from error


@app.command()
def migrate() -> None:
    """Bring the database schema up to date, and make the account admin when there is none."""
    from frostway.admin import ensure_admin  # noqa: PLC0415
    from store.migrate import migrate as run_migrations  # noqa: PLC0415

    settings = _settings()
    dsn = _database(settings)
    before, after = run_migrations(dsn)
    typer.echo(f"schema version {after}" + ("" if before == after else f", was {before}"))
    given = settings.admin_password.get_secret_value()
    if (made := ensure_admin(dsn, given)) and not given:
        typer.echo(f"account admin made, password {made}")


@app.command()
def doctor(data: DataOption = None) -> None:
    """Say what is wrong here and how to mend it."""
    from frostway.doctor import examine  # noqa: PLC0415

    raise typer.Exit(examine(data, _settings()))


@app.command()
def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="New folder for the backup.")], data: DataOption = None
) -> None:
    """Write a backup of the running stack into a new folder: database and secrets, of one moment."""
    from frostway.backup import backup as make  # noqa: PLC0415

    typer.echo(
        f"backup in {make(data, _settings(), folder)}: `frostway restore {folder} --data NEW` makes a stack of it"
    )


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a backup.")],
    data: Annotated[Path, typer.Option("--data", help="New data folder, which `frostway up` then goes on with.")],
) -> None:
    """Make a new data folder of a backup."""
    from frostway.backup import restore as make  # noqa: PLC0415

    make(folder, data.absolute())
    typer.echo(f"restored: go on with `frostway up --data {data}`")


@config_app.command("show")
def config_show() -> None:
    """Print the effective settings, secrets hidden."""
    settings = _settings()
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if hasattr(value, "get_secret_value"):
            shown = HIDDEN if value.get_secret_value() else ""
        else:
            shown = without_passwords(str("" if value is None else value))
        typer.echo(f"FROSTWAY_{name.upper()}={shown}")


# ---------------------------------------------------------------- devices
@device_app.command("add")
def device_add(
    device: Annotated[str, typer.Argument(metavar="ID")],
    kind: Annotated[str, typer.Option(help=" | ".join(KINDS))],
    vehicle: Annotated[str | None, typer.Option(help="Vehicle it is on.", show_default=False)] = None,
    site: Annotated[str | None, typer.Option(help="Site it stands at.", show_default=False)] = None,
    zone: Annotated[str | None, typer.Option(help="Zone of the site.", show_default=False)] = None,
    place: Annotated[
        str | None, typer.Option(help="Where a new site is: latitude,longitude.", show_default=False)
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            help="Temperature profile: chilled (2 to 8 °C), frozen, ambient, none. A reefer or thermometer "
            "is chilled unless told.",
            show_default=False,
        ),
    ] = None,
    foreign_id: Annotated[
        str | None,
        typer.Option(help="Id under which a gateway brings its messages: Bluetooth address, EUI.", show_default=False),
    ] = None,
    gateway: Annotated[
        str | None, typer.Option(help="The only gateway or connector that may speak for it.", show_default=False)
    ] = None,
    http: Annotated[bool, typer.Option("--http", help="Also give it a token for the door for HTTP.")] = False,  # noqa: FBT002
    tenant: Annotated[str, typer.Option(help="Tenant.")] = "main",
    data: DataOption = None,
) -> None:
    """Register a new device and print its broker login, once. For one that is there: rotate, move, change."""
    from frostway.admin import add_device  # noqa: PLC0415
    from frostway.hints import where_to_send  # noqa: PLC0415
    from store.profiles import of_new_device  # noqa: PLC0415
    from store.registry import DeviceSpec  # noqa: PLC0415

    if kind not in KINDS:
        raise Failure(f"--kind {kind}: one of {', '.join(KINDS)}")
    limits = of_new_device(kind, profile)
    spec = DeviceSpec(device, kind, vehicle, site, zone, profile, foreign_id, gateway, _place(place))
    login = add_device(data, _settings(), tenant, spec, http=http)
    if limits and not profile:
        _say(f"temperature limits: profile {limits}; another with --profile")
    typer.echo(f"user {login.user}\npassword {login.password}" + (f"\nhttp_token {login.http_token}" if http else ""))
    for line in where_to_send(login.user, kind, login.mqtt_url, login.http_token, _settings()):
        typer.echo(line, err=True)


def _place(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    from domain.numbers import decimal  # noqa: PLC0415

    lat, lon = ([decimal(part) for part in text.split(",")] + [None, None])[:2]
    if lat is None or lon is None or text.count(",") != 1 or not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise Failure(f"--place {text}: latitude and longitude in degrees, such as 60.17,24.94")
    return lat, lon


@device_app.command("list")
def device_list(tenant: Annotated[str, typer.Option(help="Tenant.")] = "main", data: DataOption = None) -> None:
    """List devices, where they are and when they last spoke."""
    from frostway.admin import print_devices  # noqa: PLC0415

    print_devices(data, _settings(), tenant)


@device_app.command("revoke")
def device_revoke(
    device: Annotated[str, typer.Argument(metavar="ID")], tenant: TenantOption = "main", data: DataOption = None
) -> None:
    """Let a device speak no more: its connection ends, what it said stays. `rotate` lets it in again."""
    from frostway.admin import revoke_device  # noqa: PLC0415

    revoke_device(data, _settings(), tenant, device)
    typer.echo(f"{device} is revoked")


@device_app.command("unknown")
def device_unknown(tenant: TenantOption = "main", data: DataOption = None) -> None:
    """List devices that speak and nobody has registered; `device add` reads what they have said since."""
    from frostway.aside import print_strangers  # noqa: PLC0415

    print_strangers(data, _settings(), tenant)


@profile_app.command("show")
def device_profile_show(
    device: Annotated[str, typer.Argument(metavar="ID")],
    history: Annotated[bool, typer.Option("--history", help="All versions, newest first.")] = False,  # noqa: FBT002
    tenant: Annotated[str, typer.Option(help="Tenant.")] = "main",
    data: DataOption = None,
) -> None:
    """Print the device profile that counts now, as JSON, secrets and all."""
    from frostway.admin import show_device_profile  # noqa: PLC0415

    typer.echo(show_device_profile(data, _settings(), tenant, device, history=history))


@profile_app.command("set")
def device_profile_set(
    device: Annotated[str, typer.Argument(metavar="ID")],
    file: Annotated[str, typer.Argument(help="JSON file; - is standard input.")],
    since: Annotated[
        str | None,
        typer.Option(help="Event time (RFC 3339) from which on readings are read with it.", show_default="now"),
    ] = None,
    tenant: Annotated[str, typer.Option(help="Tenant.")] = "main",
    data: DataOption = None,
) -> None:
    """Give a device a profile: channels, calibration, clock error, options of its format."""
    from frostway.admin import set_device_profile  # noqa: PLC0415

    typer.echo(set_device_profile(data, _settings(), tenant, device, file, since))


# ---------------------------------------------------------------- recordings
@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="GPX, CSV or Berlinger logger text.")],
    as_: Annotated[
        str | None, typer.Option("--as", help="Device to publish as; made when new.", show_default=False)
    ] = None,
    speed: Annotated[float, typer.Option(help="Times recorded speed.")] = 1.0,
    fast: Annotated[bool, typer.Option("--fast", help="As fast as receipts allow.")] = False,  # noqa: FBT002
    tz: Annotated[str, typer.Option(help="Zone of times without an offset.")] = "UTC",
    rebase: Annotated[
        str | None, typer.Option(help="Shift the times: start or end of the recording is now.", show_default=False)
    ] = None,
    data: DataOption = None,
) -> None:
    """Publish a recording over MQTT as a device would."""
    from frostway.admin import replay_file  # noqa: PLC0415

    replay_file(data, _settings(), file, as_, speed=speed, fast=fast, tz=tz, rebase=rebase)


def _errors() -> tuple[type[BaseException], ...]:
    """What a command may fail with in the ordinary course of things; imported only when something has failed."""
    import psycopg  # noqa: PLC0415

    from domain.profiles import ProfileError  # noqa: PLC0415
    from firmware_sim.link import TargetError  # noqa: PLC0415
    from firmware_sim.recordings import RecordingError  # noqa: PLC0415
    from firmware_sim.replay import ReplayError  # noqa: PLC0415
    from frostway.stack import NoStackError  # noqa: PLC0415
    from store.embedded_process import EmbeddedError  # noqa: PLC0415
    from store.migrate import SchemaError  # noqa: PLC0415
    from store.registry import RegistryError  # noqa: PLC0415

    ours = (Failure, NoStackError, EmbeddedError, SchemaError, RecordingError, ReplayError, TargetError, RegistryError)
    return (psycopg.Error, ProfileError, *ours)


def main(*arguments: Any) -> None:
    """Entry point."""
    try:
        app(*arguments)
    except Exception as error:
        if not isinstance(error, _errors()):
            raise
        _say(words(error))
        sys.exit(1)
