"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DataOption = Annotated[Path | None, typer.Option("--data", help="Folder of the embedded stack.", show_default=False)]
TenantOption = Annotated[str, typer.Option(help="Tenant.")]
