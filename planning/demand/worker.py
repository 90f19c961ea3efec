"""A process that makes forecasts that are due: `python -m planning.demand.worker`; FROSTWAY_DATABASE_URL says where."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime

from planning.demand.work import forecast_due
from store.db import connect

if __name__ == "__main__":
    with connect(os.environ["FROSTWAY_DATABASE_URL"], "forecasts") as connection:
        sys.stdout.write(f"{forecast_due(connection, datetime.now(UTC))}\n")
