"""`frostway coldchain`: temperature loggers' files, looked at and brought in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from frostway.cli.command import DataOption, TenantOption
from frostway.failure import Failure
from frostway.settings import read_settings

coldchain_app = typer.Typer(no_args_is_help=True, help="Temperature recordings and loggers' files.")

SeparatorOption = Annotated[
    str | None, typer.Option(help="Confirm: comma, semicolon, tab or bar between columns.", show_default=False)
]
DecimalOption = Annotated[str | None, typer.Option(help="Confirm: point or comma.", show_default=False)]
DateOrderOption = Annotated[str | None, typer.Option(help="Confirm: ymd, dmy or mdy.", show_default=False)]
ClockOption = Annotated[str | None, typer.Option(help="Confirm: 24 or 12.", show_default=False)]
UnitOption = Annotated[str | None, typer.Option(help="Confirm: C, F or K.", show_default=False)]
ZoneOption = Annotated[
    str | None, typer.Option(help="Zone of local times: an IANA name or +hh:mm.", show_default=False)
]


@coldchain_app.callback()
def coldchain() -> None:
    """Temperature recordings and loggers' files."""


@coldchain_app.command("report")
def coldchain_report(
    file: Annotated[
        Path | None, typer.Argument(help="CSV time,temp_c, or a logger's export.", show_default=False)
    ] = None,
    low: Annotated[float | None, typer.Option(help="Too cold below it, °C.", show_default=False)] = None,
    high: Annotated[float | None, typer.Option(help="Too warm above it, °C.", show_default=False)] = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(help="A ready-made profile, or a JSON file of one; repeatable.", show_default=False),
    ] = None,
    delta_h: Annotated[
        float, typer.Option(min=1, max=1000, help="Activation energy of the mean kinetic temperature, kJ/mol.")
    ] = 83.144,
    for_s: Annotated[float, typer.Option(min=0, help="Seconds beyond --low or --high before the alarm.")] = 600.0,
    hysteresis_c: Annotated[float, typer.Option(min=0, help="So far inside again before it is over.")] = 0.3,
    max_interval_s: Annotated[float, typer.Option(min=1, help="Seconds between readings; more is unknown.")] = 900.0,
    probe: Annotated[str | None, typer.Option(help="Only this one of several.", show_default=False)] = None,
    separator: SeparatorOption = None,
    decimal: DecimalOption = None,
    date_order: DateOrderOption = None,
    clock: ClockOption = None,
    unit: UnitOption = None,
    tz: ZoneOption = None,
    list_rules: Annotated[bool, typer.Option("--list-rules", help="Show the ready-made profiles and stop.")] = False,  # noqa: FBT002
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")] = False,  # noqa: FBT002
) -> None:
    """Analyse a temperature recording as the tracker would, beside what its logger says itself."""
    from frostway.cli.work.coldchain import print_report, print_rules  # noqa: PLC0415
    from frostway.cli.work.coldchain_report import Asked  # noqa: PLC0415

    if list_rules:
        print_rules(as_json=as_json)
        return
    if file is None:
        raise Failure("say which file: frostway coldchain report FILE")
    if low is not None and high is not None and low >= high:
        raise Failure("--low must be below --high")
    answers = answers_of(separator, decimal, date_order, clock, unit, tz)
    asked = Asked(low, high, tuple(rule or ()), delta_h, for_s, hysteresis_c, max_interval_s, probe)
    print_report(file, asked, answers, as_json=as_json)


@coldchain_app.command("import")
def coldchain_import(
    file: Annotated[Path, typer.Argument(help="A logger's export.", show_default=False)],
    shipment: Annotated[str | None, typer.Option(help="It travelled with this one.", show_default=False)] = None,
    device: Annotated[
        str | None, typer.Option(help="Of this device.", show_default="named after its serial number")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,  # noqa: FBT002
    separator: SeparatorOption = None,
    decimal: DecimalOption = None,
    date_order: DateOrderOption = None,
    clock: ClockOption = None,
    unit: UnitOption = None,
    tz: ZoneOption = None,
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """Bring a logger's readings in, as of a device that was on the shipment's vehicle; each file once."""
    from frostway.cli.work.coldchain_import import import_file  # noqa: PLC0415

    answers = answers_of(separator, decimal, date_order, clock, unit, tz)
    import_file(data, read_settings(), tenant, file, shipment, device, answers, dry_run=dry_run)


def answers_of(
    separator: str | None,
    decimal: str | None,
    date_order: str | None,
    clock: str | None,
    unit: str | None,
    zone: str | None,
) -> dict[str, str]:
    """The questions that options answer."""
    given = {
        "separator": separator,
        "decimal": decimal,
        "date_order": date_order,
        "clock": clock,
        "unit": unit and unit.upper(),
        "zone": zone,
    }
    return {name: value for name, value in given.items() if value is not None}
