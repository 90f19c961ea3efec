"""`frostway dispatch`: plans of which vehicle brings which order when, made, looked at and accepted."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from frostway.cli.command import DataOption, TenantOption
from frostway.settings import read_settings

dispatch_app = typer.Typer(no_args_is_help=True, help="Plans of dispatch: which vehicle brings which order when.")

PlanArgument = Annotated[int, typer.Argument(metavar="PLAN", min=1, help="Its number, as `dispatch list` says it.")]
FormatOption = Annotated[Literal["table", "csv", "json"], typer.Option("--format", help="How it is printed.")]
DayOption = Annotated[str | None, typer.Option("--day", metavar="YYYY-MM-DD", help="Of this day.", show_default=False)]


@dispatch_app.callback()
def _group() -> None:
    """Plans of dispatch: which vehicle brings which order when."""


@dispatch_app.command("list")
def list_plans(
    site: Annotated[str | None, typer.Option(metavar="SITE", help="Of this site.", show_default=False)] = None,
    day: DayOption = None,
    status: Annotated[
        Literal["proposed", "accepted", "discarded"] | None, typer.Option(help="Only those.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="So many at most.")] = 50,
    form: FormatOption = "table",
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """Plans, the newest first, with what each comes to."""
    from frostway.cli.work.dispatch import Where, day_of, print_plans  # noqa: PLC0415

    asked = {"site": site, "day": day and day_of(day), "status": status, "limit": limit}
    print_plans(Where(data, read_settings(), tenant), asked, form)


@dispatch_app.command("plan")
def make_plan(
    site: Annotated[str, typer.Argument(metavar="SITE", help="Where vehicles start from.")],
    day: Annotated[str, typer.Option("--day", metavar="YYYY-MM-DD", help="Which day.", show_default=False)],
    begin: Annotated[str, typer.Option(metavar="HH:MM", help="Vehicles leave from then on, site's time.")] = "06:00",
    end: Annotated[str, typer.Option(metavar="HH:MM", help="Vehicles are back by then.")] = "20:00",
    vehicles: Annotated[
        list[str] | None, typer.Option("--vehicle", help="With this one; else with all free.", show_default=False)
    ] = None,
    hours: Annotated[Literal["eu", "us", "none"], typer.Option(help="Rules of drivers' hours.")] = "eu",
    seconds: Annotated[float, typer.Option(min=0.5, max=10, help="How long is searched.")] = 4.0,
    reason: Annotated[str, typer.Option(help="Why; it is kept.", show_default=False)] = "",
    wait: Annotated[bool, typer.Option("--wait", help="While others are made: ask again, a minute at most.")] = False,  # noqa: FBT002
    form: FormatOption = "table",
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """Propose a plan for a day; nothing becomes of it before it is accepted."""
    from frostway.cli.work.dispatch import Where, day_of, print_new  # noqa: PLC0415

    asked = {
        "site": site, "day": day_of(day), "begin": begin, "end": end, "vehicles": vehicles or None, "hours": hours,
        "seconds": seconds, "reason": reason,
    }  # fmt: skip
    print_new(Where(data, read_settings(), tenant), asked, form, wait=wait)


@dispatch_app.command("show")
def show_plan(
    plan: PlanArgument, form: FormatOption = "table", tenant: TenantOption = "main", data: DataOption = None
) -> None:
    """Rounds of a plan, stop by stop, and what is left out and why."""
    from frostway.cli.work.dispatch import Where, print_plan  # noqa: PLC0415

    print_plan(Where(data, read_settings(), tenant), plan, form)


@dispatch_app.command("accept")
def accept_plan(
    plan: PlanArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,  # noqa: FBT002
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """Make the shipments of a plan: all of them, or none where something has changed since."""
    from frostway.cli.work.dispatch import Where, accepted  # noqa: PLC0415

    for name in accepted(Where(data, read_settings(), tenant), plan, yes=yes):
        typer.echo(name)


@dispatch_app.command("compare")
def compare_plans(
    plan: PlanArgument,
    other: Annotated[int, typer.Argument(metavar="OTHER", min=1, help="The one it is held against.")],
    form: FormatOption = "table",
    tenant: TenantOption = "main",
    data: DataOption = None,
) -> None:
    """Two plans side by side: what each comes to, and which orders go on other vehicles."""
    from frostway.cli.work.dispatch import Where, print_comparison  # noqa: PLC0415

    print_comparison(Where(data, read_settings(), tenant), plan, other, form)
