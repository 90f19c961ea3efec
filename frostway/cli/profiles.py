"""`frostway profile add|show|export|import|ready-made|backtest`: temperature profiles, whole, in JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from frostway.cli.command import DataOption, TenantOption
from frostway.failure import Failure
from frostway.settings import read_settings

NameArgument = Annotated[str, typer.Argument(metavar="NAME")]


def add_to_profiles(group: typer.Typer) -> None:
    """Puts the commands into `frostway profile`."""
    group.command("add")(add_profile)
    group.command("show")(show_profile)
    group.command("export")(export_profiles)
    group.command("import")(import_profiles)
    group.command("ready-made")(list_ready_made)
    group.command("backtest")(backtest_profile)


def add_profile(
    name: NameArgument,
    low_c: Annotated[float | None, typer.Option(help="Too cold below it.", show_default=False)] = None,
    high_c: Annotated[float | None, typer.Option(help="Too warm above it.", show_default=False)] = None,
    for_s: Annotated[float, typer.Option(min=0, help="Seconds beyond a limit before the alarm.")] = 600.0,
    hysteresis_c: Annotated[float, typer.Option(min=0, help="So far inside again before it is over.")] = 0.3,
    max_interval_s: Annotated[float, typer.Option(min=1, help="Seconds between readings; more is a gap.")] = 900.0,
    ready_made: Annotated[
        str | None,
        typer.Option("--ready-made", help="As this one: `frostway profile ready-made`.", show_default=False),
    ] = None,
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """Make a temperature profile. With bands and more: `import`; a new version of one: `import` too."""
    from frostway.cli.work.profiles import make_profile, taken  # noqa: PLC0415
    from store.profiles import Limits  # noqa: PLC0415
    from store.registry import RegistryError  # noqa: PLC0415

    if ready_made is not None:
        if low_c is not None or high_c is not None:
            raise Failure("--ready-made has its limits: change them in what `frostway profile export` prints")
        typer.echo(make_profile(data, read_settings(), tenant, name, taken(ready_made)))
        return
    limits = Limits(low_c, high_c, for_s, hysteresis_c, max_interval_s)
    if problem := limits.problem():
        raise RegistryError(problem)
    typer.echo(make_profile(data, read_settings(), tenant, name, limits.profile))


def show_profile(
    name: NameArgument,
    history: Annotated[bool, typer.Option("--history", help="All versions, the newest first.")] = False,  # noqa: FBT002
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """Print what a profile says now, as JSON; or what it said and when."""
    from frostway.cli.work.profiles import shown  # noqa: PLC0415

    for line in shown(data, read_settings(), tenant, name, history=history):
        typer.echo(line)


def export_profiles(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="Else printed.", show_default=False)] = None,
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """Write all profiles as they are now, a line of JSON each; `import` reads them."""
    from frostway.cli.work.profiles import exported  # noqa: PLC0415

    lines = exported(data, read_settings(), tenant)
    text = "".join(f"{line}\n" for line in lines)
    if file is None:
        typer.echo(text, nl=False)
        return
    file.write_text(text, "utf-8")
    typer.echo(f"{len(lines)} profiles in {file}")


def import_profiles(
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False)],
    note: Annotated[str, typer.Option(help="Why, for those who look at the versions.")] = "",
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """Make profiles from lines of JSON, or say anew from now on what they ask; all of the file, or nothing of it."""
    from frostway.cli.work.profiles import imported  # noqa: PLC0415

    for line in imported(data, read_settings(), tenant, file, note):
        typer.echo(line)


def backtest_profile(
    name: NameArgument,
    days: Annotated[int, typer.Option(help="So many days back, 90 at most.")] = 90,
    file: Annotated[
        Path | None,
        typer.Option(help="Lines of JSON: what the profile is to say, not saved yet.", exists=True, show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With verdicts of each probe.")] = False,  # noqa: FBT002
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """Tell what a profile would have raised, over the readings of the devices and shipments that have it."""
    from frostway.cli.work.profile_backtest import print_backtest  # noqa: PLC0415

    print_backtest(data, read_settings(), tenant, name, days, file, as_json=as_json)


def list_ready_made() -> None:
    """List profiles to be taken, with the source of their numbers."""
    from frostway.cli.work.profiles import print_ready_made  # noqa: PLC0415

    print_ready_made()
