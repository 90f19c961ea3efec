"""Statements for figures of the work, from a KPI's query of facts and the templates in `store/queries/kpis.sql`."""

from __future__ import annotations

from functools import cache
from typing import Literal, LiteralString

from store.db import queries

Split = Literal["site", "customer", "carrier", "lane", "product", "vehicle"]
SPLITS: tuple[Split, ...] = ("site", "customer", "carrier", "lane", "product", "vehicle")
FACTS = (
    "perfect_order", "otif", "order_cycle_time", "fill_rate", "dock_to_stock", "inventory_turns", "days_of_cover",
    "dock_dwell", "detention", "empty_km", "co2e_per_tkm", "spoilage", "forecast_error", "alarm_precision",
    "arrival_error", "cold_chain_kept",
)  # fmt: skip
"""Queries of facts, each of the KPI of its name."""


@cache
def statement(
    shape: Literal["figures", "parts", "page", "reported"], kpi: str, split: Split | None = None
) -> LiteralString:
    """Sums of a KPI's facts by period, by a dimension, or the facts themselves.

    Parameters: tenant, by, since, until (days), as_of, limit, all of `SPLITS`; of `page` also after, after_at.

    Raises:
        KeyError: there is no such KPI.
    """
    texts = queries("kpis")
    parts = {
        "lines_due": texts["lines"].format(of=texts["of_due"]),
        "lines_left": texts["lines"].format(of=texts["of_left"]),
        **{name: texts[name] for name in ("moves", "colds", "stands")},
    }
    parts["held"] = texts["held"].format(moves=texts["moves"])
    part = "null::text" if split is None else f"f.{split}"
    if kpi not in FACTS:
        raise KeyError(kpi)
    return texts[shape].format(kpi=kpi, facts=texts[kpi].format(**parts), chosen=texts["chosen"], split=part)
