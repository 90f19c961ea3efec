"""The programs of the stack: `frostway up`, `ingest`, `tracker`, `operations`, `api`, `sim`."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from frostway import __version__
from frostway.cli.command import DataOption
from frostway.failure import Failure
from frostway.programs import https_pair, loading, run_program, start_logging, stop_event
from frostway.settings import Settings, default_data_dir, read_settings
from frostway.stack import database_of


def up(
    data: DataOption = None,
    http_port: Annotated[int, typer.Option(help="Port of the pages and the API.")] = 8080,
    mqtt_port: Annotated[int, typer.Option(help="Port the devices publish to.")] = 1883,
    sim: Annotated[
        str | None, typer.Option(help="Simulated world: demo, small or fleet-N.", show_default=False)
    ] = None,
    no_sim: Annotated[bool, typer.Option("--no-sim", help="No simulated devices.")] = False,  # noqa: FBT002
    open_: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,  # noqa: FBT002
    lan: Annotated[bool, typer.Option("--lan", help="Open it to the network, with TLS.")] = False,  # noqa: FBT002
    address: Annotated[
        str | None, typer.Argument(help="With --lan: this address only, not all of the machine.", show_default=False)
    ] = None,
    lan_name: Annotated[
        list[str] | None, typer.Option(help="A name by which the network knows this machine.", show_default=False)
    ] = None,
    mqtts_port: Annotated[int, typer.Option(help="With --lan: port of MQTT with TLS.")] = 8883,
    https_port: Annotated[int, typer.Option(help="With --lan: port of the pages and the API by https.")] = 8443,
    tls_cert: Annotated[
        Path | None, typer.Option(help="A certificate with its chain, PEM; without: from an own authority.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key, PEM.", show_default=False)] = None,
) -> None:
    """Start the whole stack on this machine: database, broker, ingest, tracker, API, operations."""
    from frostway.up import UpOptions, run  # noqa: PLC0415

    if not lan and (address or lan_name or tls_cert or tls_key):
        raise Failure("ADDRESS, --lan-name, --tls-cert and --tls-key say how to open to the network: add --lan")
    network = None
    if lan:
        from frostway.network import LanOptions  # noqa: PLC0415
        from serving.origins import is_loopback  # noqa: PLC0415

        settings = read_settings()
        stays = "device_http_host" in settings.model_fields_set and is_loopback(settings.device_http_host)
        network = LanOptions(
            address or "",
            tuple(lan_name or ()),
            mqtts_port,
            https_port,
            tls_cert,
            tls_key,
            settings.allowed_hosts,
            0 if stays else settings.device_http_port,
        )

    if sim and not no_sim:
        from firmware_sim.world import build  # noqa: PLC0415

        try:
            build(sim, 1)
        except ValueError as error:
            raise Failure(f"--sim: {error}") from None
    folder = data or Path(os.environ.get("FROSTWAY_DATA_DIR") or default_data_dir())
    world = None if no_sim else sim
    raise typer.Exit(run(UpOptions(folder, http_port, mqtt_port, world, open_browser=open_, lan=network)))


def ingest() -> None:
    """Take readings from the broker into the log."""
    run_program("ingest")


def tracker() -> None:
    """Turn the log into positions, visits, alarms, arrival times and stock."""
    run_program("tracker")


def operations() -> None:
    """Follow what the tracker decides, and do the jobs of the house."""
    run_program("operations")


def api() -> None:
    """Serve the pages, REST and websockets."""
    settings = read_settings()
    start_logging(settings)
    with loading():
        from api.http.context import ApiConfig  # noqa: PLC0415
        from api.service import run  # noqa: PLC0415
    from frostway.broker import mosquitto_hash  # noqa: PLC0415
    from frostway.signing import oidc_of  # noqa: PLC0415
    from frostway.ways import ways  # noqa: PLC0415
    from serving.origins import OriginError  # noqa: PLC0415
    from serving.tls import Certificate  # noqa: PLC0415
    from tracker.families import KINDS  # noqa: PLC0415

    config = ApiConfig(
        database_url=database_of(settings),
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
        request_rate=settings.request_rate,
        oidc=oidc_of(settings),
        metrics_port=settings.metrics_port,
        sealing_secret=settings.sealing_secret.get_secret_value(),
        mqtt_hash=mosquitto_hash,
        on_devices_changed=_broker_users_writer(settings),
        on_device_login=_demo_broker_writer(settings),
        ways=lambda: ways(settings),
    )
    pair = https_pair(settings)
    try:
        certificate = Certificate(*pair) if pair else None
        run(config, settings.http_host, settings.http_port, certificate, settings.http_loopback_port)
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

        refresh_devices(settings.data_dir, database_of(settings))

    return write


def _demo_broker_writer(settings: Settings) -> Callable[[str, str | None], None]:
    """Tells the demo broker, which takes no hashes, of one device's password."""

    def write(user: str, password: str | None) -> None:
        from frostway.broker import publish_device  # noqa: PLC0415

        if (settings.data_dir / "broker" / "broker.toml").exists():
            publish_device(settings.data_dir, user, password)

    return write


def sim(
    world: Annotated[str, typer.Option(help="demo, small or fleet-N.")] = "demo",
    seed: Annotated[int, typer.Option(help="Same seed, same world.")] = 7,
    rate: Annotated[float, typer.Option(help="Times real time; 0: flat out.")] = 1.0,
    out: Annotated[Path | None, typer.Option(help="Folder for the ground truth.", show_default=False)] = None,
    seconds: Annotated[float | None, typer.Option(help="Stop after this many seconds.", show_default=False)] = None,
    teltonika: Annotated[
        str | None, typer.Option(help="HOST:PORT: one Teltonika tracker there, no world.", show_default=False)
    ] = None,
    imei: Annotated[str, typer.Option(help="With --teltonika: the tracker's.")] = "356307042441013",
    owntracks: Annotated[
        str | None, typer.Option(help="Address at the door for HTTP: one phone there, no world.", show_default=False)
    ] = None,
) -> None:
    """Run simulated devices against the broker."""
    settings = read_settings()
    start_logging(settings)
    if teltonika:
        _drive_tracker(teltonika, imei)
        return
    if owntracks:
        _carry_phone(owntracks)
        return
    from firmware_sim.link import TargetError  # noqa: PLC0415
    from firmware_sim.run import CredentialsError, RunSettings, main  # noqa: PLC0415
    from frostway.demo import keep_shipping  # noqa: PLC0415

    stop = stop_event()
    database = settings.database_url.get_secret_value()
    if database and rate == 1:
        threading.Thread(target=keep_shipping, args=(database, world, stop), daemon=True).start()
    try:
        main(RunSettings(world, seed, rate, out, seconds=seconds), stop)
    except (CredentialsError, TargetError, ValueError) as error:
        raise Failure(str(error)) from error


def _drive_tracker(address: str, imei: str) -> None:
    """One simulated Teltonika tracker, until it is stopped."""
    from firmware_sim.teltonika import Tracker, serve  # noqa: PLC0415

    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or not (len(imei) == 15 and imei.isdigit()):
        raise Failure("--teltonika: write HOST:PORT, and an --imei of 15 digits")
    serve(Tracker(imei), host.strip("[]"), int(port), stop_event())


def _carry_phone(url: str) -> None:
    """One simulated phone with OwnTracks, until it is stopped."""
    from firmware_sim.owntracks import Phone, serve  # noqa: PLC0415

    try:
        serve(Phone(), url, stop_event())
    except ValueError as error:
        raise Failure(f"--owntracks: {error}") from None


def add_to(app: typer.Typer) -> None:
    """Puts the programs into `frostway`."""
    for program in (up, ingest, tracker, operations, api, sim):
        app.command()(program)
