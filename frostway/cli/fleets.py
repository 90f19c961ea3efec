"""`frostway vehicle change|drive|drivers`, `frostway driver add`: what vehicles are and who drives them."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from domain.vehicles import DESCRIBED, FUEL_TYPES
from frostway.cli.command import DataOption, SinceOption, TenantOption, UntilOption
from frostway.cli.times import instant_of, since_of
from frostway.failure import Failure
from frostway.settings import read_settings

NAME = typer.Argument(metavar="NAME")


class OfClass(StrEnum):
    """What a vehicle may be told to be; `none` takes it back."""

    truck = "truck"
    van = "van"
    courier = "courier"
    bus = "bus"
    none = "none"


def add_to_vehicles(group: typer.Typer) -> None:
    """Puts the commands into `frostway vehicle`."""
    group.command("change")(change_vehicle)
    group.command("drive")(drive_vehicle)
    group.command("drivers")(list_drivers)


def add_to_drivers(group: typer.Typer) -> None:
    """Puts the command into `frostway driver`."""
    group.command("add")(add_driver)


def _text(most: int, value: str | None, option: str) -> str | None:
    if value is not None and not (1 <= len(value) <= most and value.isprintable()):
        raise Failure(f"{option}: 1 to {most} characters that can be printed")
    return value


def change_vehicle(
    name: Annotated[str, NAME],
    of_class: Annotated[
        OfClass | None,
        typer.Option("--class", help="What is a stop of it, and what a trip; none: as a truck's.", show_default=False),
    ] = None,
    fleet: Annotated[
        str | None, typer.Option(help="From now on; its first one it has always been of.", show_default=False)
    ] = None,
    model: Annotated[str | None, typer.Option(help="What its maker calls it.", show_default=False)] = None,
    load_capacity_kg: Annotated[float | None, typer.Option(min=0.001, max=1e6, show_default=False)] = None,
    volume_capacity_m3: Annotated[float | None, typer.Option(min=0.001, max=1e4, show_default=False)] = None,
    pallet_capacity: Annotated[int | None, typer.Option(min=1, max=1000, show_default=False)] = None,
    fuel_type: Annotated[str | None, typer.Option(help=", ".join(FUEL_TYPES), show_default=False)] = None,
    nominal_fuel_lph: Annotated[
        float | None, typer.Option(min=0.001, max=1e3, help="Litres an hour, as its maker says.", show_default=False)
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="In place of its tags; repeatable.", show_default=False)] = None,
    clear: Annotated[
        list[str] | None, typer.Option(help="Take away one of these, such as fleet or tags.", show_default=False)
    ] = None,
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """Tell what a vehicle is. Of another class, its trips and stops are derived again from all its readings."""
    from frostway.cli.work.fleets import tell_vehicle  # noqa: PLC0415

    given = {
        "fleet": _text(100, fleet, "--fleet"),
        "model": _text(100, model, "--model"),
        "load_capacity_kg": load_capacity_kg,
        "volume_capacity_m3": volume_capacity_m3,
        "pallet_capacity": pallet_capacity,
        "fuel_type": fuel_type,
        "nominal_fuel_lph": nominal_fuel_lph,
        "tags": [_text(40, each, "--tag") for each in dict.fromkeys(tag)] if tag else None,
    }
    said: dict[str, Any] = {part: value for part, value in given.items() if value is not None}
    if fuel_type is not None and fuel_type not in FUEL_TYPES:
        raise Failure(f"--fuel-type {fuel_type}: one of {', '.join(FUEL_TYPES)}")
    if len(said.get("tags") or []) > 20:
        raise Failure("--tag: 20 at most")
    for part in clear or []:
        if part.replace("-", "_") not in DESCRIBED:
            raise Failure(f"--clear {part}: one of {', '.join(DESCRIBED)}")
        said[part.replace("-", "_")] = None
    if not said and of_class is None:
        raise Failure("say what is to change: --class, --fleet, --model, --tag … (`--help` lists all)")
    typer.echo(tell_vehicle(data, read_settings(), tenant, name, said, of_class.value if of_class else ""))


def drive_vehicle(
    name: Annotated[str, NAME],
    driver: Annotated[str | None, typer.Argument(metavar="DRIVER", show_default=False)] = None,
    nobody: Annotated[bool, typer.Option("--nobody", help="Nobody drives it.")] = False,  # noqa: FBT002
    since: SinceOption = None,
    until: UntilOption = None,
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """Hand a vehicle over to a driver, or correct who drove it: over whatever was known of that time."""
    from frostway.cli.work.fleets import drive  # noqa: PLC0415

    if nobody == bool(driver):
        raise Failure("say who drives it: DRIVER or --nobody")
    begin, end = since_of(since), instant_of(until, "--to")
    if end and end > datetime.now(UTC):
        raise Failure("--to: in the future; say it when it has happened")
    typer.echo(drive(data, read_settings(), tenant, name, driver, begin, end))


def list_drivers(name: Annotated[str, NAME], tenant: TenantOption = "main", data: DataOption = None) -> None:
    """List who drove a vehicle and when, the newest first."""
    from frostway.cli.work.fleets import print_drivers  # noqa: PLC0415

    print_drivers(data, read_settings(), tenant, name)


def add_driver(
    name: Annotated[str, NAME],
    label: Annotated[str | None, typer.Option(help="As people call them.", show_default="the name")] = None,
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """Add a driver, or give one another label."""
    from frostway.cli.work.fleets import add_driver as add  # noqa: PLC0415

    typer.echo(add(data, read_settings(), tenant, name, _text(200, label, "--label")))
