"""`frostway device`: devices that publish, where they are, and what is known of them."""

from __future__ import annotations

from typing import Annotated

import typer

from domain.connecting import KINDS
from frostway.cli import registry
from frostway.cli.command import DataOption, SinceOption, TenantOption, UntilOption
from frostway.cli.times import instant_of, since_of
from frostway.failure import Failure, say
from frostway.settings import read_settings

device_app = typer.Typer(no_args_is_help=True, help="Devices that publish.")
profile_app = typer.Typer(no_args_is_help=True, help="What is known of a device that its messages do not say.")
device_app.add_typer(profile_app, name="profile")
NOTHING = "none"


@device_app.command("move")
def device_move(
    device: Annotated[str, typer.Argument(metavar="ID")],
    vehicle: Annotated[str | None, typer.Option(help="Vehicle it is on.", show_default=False)] = None,
    site: Annotated[str | None, typer.Option(help="Site it stands at.", show_default=False)] = None,
    zone: Annotated[str | None, typer.Option(help="Zone of the site.", show_default=False)] = None,
    nowhere: Annotated[bool, typer.Option("--nowhere", help="Taken off; it is nowhere that counts.")] = False,  # noqa: FBT002
    since: SinceOption = None,
    until: UntilOption = None,
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """Move a device, or correct where it was: readings count for the vehicle or site of their time."""
    from frostway.stack import find  # noqa: PLC0415
    from store.db import connect  # noqa: PLC0415
    from store.registry import Registry  # noqa: PLC0415

    if nowhere == bool(vehicle or site):
        raise Failure("say where it is: --vehicle V, --site S or --nowhere")
    begin, end = since_of(since), instant_of(until, "--to")
    with connect(find(data, read_settings()).database_url, "device move") as connection, connection.transaction():
        Registry(connection, tenant).assign(
            device, vehicle=vehicle, site=site, zone=zone, since=begin, until=end, by="cli"
        )
    typer.echo(f"{device}: {vehicle or site or 'nowhere'} from {since or 'now'}" + (f" to {until}" if until else " on"))


@device_app.command("assignments")
def device_assignments(
    device: Annotated[str, typer.Argument(metavar="ID")], tenant: TenantOption = "main", data: DataOption = None
) -> None:
    """List where a device was and when, the newest first."""
    from frostway.cli.work.tables import print_table  # noqa: PLC0415
    from frostway.stack import find  # noqa: PLC0415
    from store.db import connect  # noqa: PLC0415
    from store.registry import Registry  # noqa: PLC0415

    with connect(find(data, read_settings()).database_url, "device assignments") as connection:
        found = Registry(connection, tenant).assignments(device)
    rows = [
        [
            a["vehicle"] or a["site"],
            a["zone"] or "",
            f"{a['since']:%Y-%m-%d %H:%M:%SZ}" if a["since"] else "ever",
            f"{a['until']:%Y-%m-%d %H:%M:%SZ}" if a["until"] else "still",
            a["recorded_by"],
        ]
        for a in found
    ]
    print_table(["where", "zone", "from", "to", "by"], rows, "It was nowhere yet: frostway device move ID --vehicle V")


@device_app.command("rotate")
def device_rotate(
    device: Annotated[str, typer.Argument(metavar="ID")],
    http: Annotated[  # noqa: FBT002
        bool, typer.Option("--http", help="A new token for the door for HTTP instead; the password stays.")
    ] = False,
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """Give a device a new broker password, at once in place of the old one, and print it, once."""
    from frostway.cli.work.device import rotate_device, rotate_device_token  # noqa: PLC0415

    if http:
        typer.echo(f"user {tenant}/{device}\nhttp_token {rotate_device_token(data, read_settings(), tenant, device)}")
        return
    user, password = rotate_device(data, read_settings(), tenant, device)
    typer.echo(f"user {user}\npassword {password}")


@device_app.command("change")
def device_change(
    device: Annotated[str, typer.Argument(metavar="ID")],
    kind: Annotated[str | None, typer.Option(help=" | ".join(KINDS), show_default=False)] = None,
    profile: Annotated[str | None, typer.Option(help="Temperature profile, or none.", show_default=False)] = None,
    foreign_id: Annotated[
        str | None, typer.Option(help="Id under which a gateway brings its messages, or none.", show_default=False)
    ] = None,
    gateway: Annotated[
        str | None, typer.Option(help="The only gateway that may speak for it, or none.", show_default=False)
    ] = None,
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """Change what is known of a device; what is not named stays. Where it is: `move`; its login: `rotate`."""
    from frostway.cli.work.device import change_device  # noqa: PLC0415

    if kind is not None and kind not in KINDS:
        raise Failure(f"--kind {kind}: one of {', '.join(KINDS)}")
    named = {"kind": kind, "profile": profile, "foreign_id": foreign_id, "gateway": gateway}
    parts = {part: None if value == NOTHING else value for part, value in named.items() if value is not None}
    if not parts:
        raise Failure("say what: --kind, --profile, --foreign-id or --gateway")
    change_device(data, read_settings(), tenant, device, parts)
    typer.echo(f"{device}: {', '.join(f'{part} {value or NOTHING}' for part, value in parts.items())}")


registry.add_ends(device_app, "device")


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
    from frostway.cli.work.device import add_device  # noqa: PLC0415
    from frostway.cli.work.hints import where_to_send  # noqa: PLC0415
    from store.profiles import of_new_device  # noqa: PLC0415
    from store.registry import DeviceSpec  # noqa: PLC0415

    if kind not in KINDS:
        raise Failure(f"--kind {kind}: one of {', '.join(KINDS)}")
    limits = of_new_device(kind, profile)
    spec = DeviceSpec(device, kind, vehicle, site, zone, profile, foreign_id, gateway, _place(place))
    login = add_device(data, read_settings(), tenant, spec, http=http)
    if limits and not profile:
        say(f"temperature limits: profile {limits}; another with --profile")
    typer.echo(f"user {login.user}\npassword {login.password}" + (f"\nhttp_token {login.http_token}" if http else ""))
    for line in where_to_send(login.user, kind, login.mqtt_url, login.http_token, read_settings(), login.network):
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
    from frostway.cli.work.device import print_devices  # noqa: PLC0415

    print_devices(data, read_settings(), tenant)


@device_app.command("revoke")
def device_revoke(
    device: Annotated[str, typer.Argument(metavar="ID")], tenant: TenantOption = "main", data: DataOption = None
) -> None:
    """Let a device speak no more: its connection ends, what it said stays. `rotate` lets it in again."""
    from frostway.cli.work.device import revoke_device  # noqa: PLC0415

    revoke_device(data, read_settings(), tenant, device)
    typer.echo(f"{device} is revoked")


@device_app.command("unknown")
def device_unknown(tenant: TenantOption = "main", data: DataOption = None) -> None:
    """List devices that speak and nobody has registered; `device add` reads what they have said since."""
    from frostway.cli.work.quarantine import print_strangers  # noqa: PLC0415

    print_strangers(data, read_settings(), tenant)


@profile_app.command("show")
def device_profile_show(
    device: Annotated[str, typer.Argument(metavar="ID")],
    history: Annotated[bool, typer.Option("--history", help="All versions, newest first.")] = False,  # noqa: FBT002
    tenant: Annotated[str, typer.Option(help="Tenant.")] = "main",
    data: DataOption = None,
) -> None:
    """Print the device profile that counts now, as JSON, secrets and all."""
    from frostway.cli.work.device import show_device_profile  # noqa: PLC0415

    typer.echo(show_device_profile(data, read_settings(), tenant, device, history=history))


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
    from frostway.cli.work.device import set_device_profile  # noqa: PLC0415

    typer.echo(set_device_profile(data, read_settings(), tenant, device, file, since))
