"""The `frostway` command, with all that it knows."""

from __future__ import annotations

from typing import Annotated

import typer

from frostway import __version__
from frostway.cli import (
    co2e,
    forecast,
    forward,
    inventory,
    labels,
    llrp,
    maintenance,
    programs,
    registry,
    replay,
    replenish,
    reports,
)
from frostway.cli.account import account_app
from frostway.cli.audit import audit_app
from frostway.cli.ca import ca_app
from frostway.cli.coldchain import coldchain_app
from frostway.cli.config import config_app
from frostway.cli.device import device_app
from frostway.cli.dispatch import dispatch_app
from frostway.cli.epc import epc_app
from frostway.cli.epcis import epcis_app
from frostway.cli.eta import eta_app
from frostway.cli.evidence import evidence_app
from frostway.cli.facts import facts_app
from frostway.cli.goods import goods_app
from frostway.cli.pick import pick_app
from frostway.cli.plan import plan_app
from frostway.cli.quarantine import quarantine_app
from frostway.cli.routes import routes_app
from frostway.cli.stock import stock_app
from frostway.cli.tenant import tenant_app
from frostway.cli.token import token_app

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Where everything is, how cold it is, how much is left, and when it arrives.",
)
for part in (programs, maintenance, replay, reports, forward, inventory, labels, llrp, co2e, forecast, replenish):
    part.add_to(app)
app.add_typer(config_app, name="config")
app.add_typer(ca_app, name="ca")
app.add_typer(device_app, name="device")
app.add_typer(tenant_app, name="tenant")
registry.add_to(app)
app.add_typer(token_app, name="token")
app.add_typer(account_app, name="account")
app.add_typer(eta_app, name="eta")
app.add_typer(epc_app, name="epc")
app.add_typer(epcis_app, name="epcis")
app.add_typer(audit_app, name="audit")
app.add_typer(evidence_app, name="evidence")
app.add_typer(coldchain_app, name="coldchain")
app.add_typer(goods_app, name="goods")
app.add_typer(stock_app, name="stock")
app.add_typer(pick_app, name="pick")
app.add_typer(plan_app, name="plan")
app.add_typer(routes_app, name="routes")
app.add_typer(dispatch_app, name="dispatch")
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(facts_app, name="facts")


@app.callback(invoke_without_command=True)
def top(version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False) -> None:  # noqa: FBT002
    """Where everything is, how cold it is, how much is left, and when it arrives."""
    if version:
        typer.echo(__version__)
        raise typer.Exit
