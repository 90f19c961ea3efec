"""`frostway vehicle|driver|site|…  list|rename|retire|restore|delete`; `vehicle change`."""

from typing import Annotated

import typer

from frostway.cli.command import DataOption, TenantOption, ask
from frostway.cli.fleets import add_to_drivers, add_to_vehicles
from frostway.cli.profiles import add_to_profiles
from frostway.settings import read_settings

HELP = {
    "vehicle": "Vehicles.",
    "driver": "Drivers of vehicles.",
    "site": "Sites: places with a fence.",
    "product": "Products, by SKU.",
    "zone": "Zones of sites, as SITE/ZONE.",
    "slot": "Slots of shelves, as DEVICE/SLOT.",
    "profile": "Temperature profiles: limits.",
}
ENDS = {
    "device": "It may speak no more",
    "vehicle": "It leaves the lists and the map",
    "driver": "They drive nothing any more",
    "site": "It is visited no more and leaves the lists",
    "product": "It leaves the lists",
    "zone": "It leaves its site's list",
    "slot": "What its shelf says of it is not stock any more",
    "profile": "No device or shipment gets it any more",
}


def add_to(app: typer.Typer) -> None:
    """Puts the commands into `frostway`."""
    for kind, what in HELP.items():
        group = typer.Typer(no_args_is_help=True, help=what)
        app.add_typer(group, name=kind)
        _list(group, kind)
        add_ends(group, kind)
        if kind == "profile":
            add_to_profiles(group)
        if kind == "vehicle":
            add_to_vehicles(group)
        if kind == "driver":
            add_to_drivers(group)


def _metavar(kind: str) -> str:
    return {"zone": "SITE/ZONE", "slot": "DEVICE/SLOT", "product": "SKU", "device": "ID"}.get(kind, "NAME")


def _list(group: typer.Typer, kind: str) -> None:
    @group.command("list", help=f"List {kind}s; the last column says since when one is retired.")
    def show(tenant: TenantOption = "main", data: DataOption = None) -> None:
        from frostway.cli.work.registry import print_things  # noqa: PLC0415

        print_things(data, read_settings(), tenant, kind)


def add_ends(group: typer.Typer, kind: str) -> None:
    """Puts `retire`, `rename`, `restore` and `delete` into a group."""
    metavar = _metavar(kind)

    @group.command("retire", help=f"{ENDS[kind]}; its name, history and facts stay. `restore` takes it back.")
    def retire(
        name: Annotated[str, typer.Argument(metavar=metavar)], tenant: TenantOption = "main", data: DataOption = None
    ) -> None:
        from frostway.cli.work.registry import retire_thing  # noqa: PLC0415

        typer.echo(retire_thing(data, read_settings(), tenant, kind, name))

    why = {
        "device": "Say why a device keeps its name, and what to do instead.",
        "slot": "Give a slot another name, as long as its shelf has not spoken of it.",
    }

    @group.command("rename", help=why.get(kind, f"Give a {kind} another name; its history and facts stay with it."))
    def rename(
        name: Annotated[str, typer.Argument(metavar=metavar)],
        new: Annotated[str, typer.Argument(metavar="NEW")],
        tenant: TenantOption = "main",
        data: DataOption = None,
    ) -> None:
        from frostway.cli.work.registry import rename_thing  # noqa: PLC0415

        typer.echo(rename_thing(data, read_settings(), tenant, kind, name, new))

    extra = " A new broker password is printed, once." if kind == "device" else ""

    @group.command("restore", help=f"Take a retired {kind} back.{extra}")
    def restore(
        name: Annotated[str, typer.Argument(metavar=metavar)], tenant: TenantOption = "main", data: DataOption = None
    ) -> None:
        from frostway.cli.work.registry import restore_thing  # noqa: PLC0415

        typer.echo(restore_thing(data, read_settings(), tenant, kind, name))

    @group.command("delete", help=f"Delete a {kind} on which nothing depends; else say what does.")
    def delete(
        name: Annotated[str, typer.Argument(metavar=metavar)],
        yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,  # noqa: FBT002
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what depends on it.")] = False,  # noqa: FBT002
        tenant: TenantOption = "main",
        data: DataOption = None,
    ) -> None:
        from frostway.cli.work.registry import delete_thing, dependents_of  # noqa: PLC0415

        if dry_run:
            typer.echo(dependents_of(data, read_settings(), tenant, kind, name))
            return
        if not yes:
            ask(f"delete {kind} {name} for good?")
        typer.echo(delete_thing(data, read_settings(), tenant, kind, name))
