"""Ready-made choices of columns for one's own inventory, with lines that show how they are meant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Template(NamedTuple):
    """A choice of columns, with lines that show how they are meant; `own` are columns of somebody's own."""

    name: str
    label: str
    columns: tuple[str, ...]
    own: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]


def _row(text: str) -> Mapping[str, str]:
    """A line of a table, from `column=cell` with bars between them."""
    return dict(part.split("=", 1) for part in text.split("|"))


TEMPLATES: Mapping[str, Template] = {
    t.name: t
    for t in (
        Template(
            "food",
            "Food",
            (
                "sku", "label", "gtin", "base_unit", "case_pieces", "low_c", "high_c", "reorder_point", "site",
                "zone", "bin", "lot", "best_before", "quantity", "unit",
            ),
            (
                "allergens",
            ),
            (
                _row(
                    "sku=MILK-1L|label=Milk 1 l|gtin=6414123456783|base_unit=piece|case_pieces=12|"
                    "low_c=2|high_c=6|reorder_point=40|site=store-1|zone=chiller|bin=A-01-3|lot=L-2291|"
                    "best_before=2026-12-20|quantity=4|unit=case|allergens=milk"
                ),
                _row(
                    "sku=PEAS-FZ|label=Peas, frozen|base_unit=kg|high_c=-18|site=store-1|zone=freezer|"
                    "bin=F-02|lot=P-7|best_before=2027-11-30|quantity=25|unit=kg"
                ),
            ),
        ),
        Template(
            "pharma",
            "Pharmaceuticals",
            (
                "sku", "label", "gtin", "unit_value", "low_c", "high_c", "site", "zone", "bin", "lot",
                "made_at", "best_before", "quantity",
            ),
            (
                "authorisation number",
            ),
            (
                _row(
                    "sku=SERUM-10|label=Serum, 10 ml|gtin=4012345111118|unit_value=31.40|low_c=2|"
                    "high_c=8|site=dc-1|zone=cold-room|bin=C-11|lot=SER-8|made_at=2026-09-01|"
                    "best_before=2028-09-01|quantity=240|authorisation number=EU/1/26/0001"
                ),
            ),
        ),
        Template(
            "vaccines",
            "Vaccines",
            (
                "sku", "label", "gtin", "case_pieces", "low_c", "high_c", "site", "zone", "lot", "best_before",
                "quantity", "unit",
            ),
            (
                "doses per vial", "vaccine vial monitor",
            ),
            (
                _row(
                    "sku=MMR-10|label=MMR, vial of 10 doses|case_pieces=50|low_c=2|high_c=8|site=dc-1|"
                    "zone=cold-room|lot=MMR-26-04|best_before=2028-03-31|quantity=6|unit=case|"
                    "doses per vial=10|vaccine vial monitor=VVM14"
                ),
            ),
        ),
        Template(
            "spare-parts",
            "Spare parts",
            (
                "sku", "label", "base_unit", "unit_value", "unit_mass_kg", "reorder_point", "site", "zone",
                "bin", "quantity",
            ),
            (
                "fits", "supplier",
            ),
            (
                _row(
                    "sku=BRG-6204|label=Bearing 6204|base_unit=piece|unit_value=4.20|unit_mass_kg=0.106|"
                    "reorder_point=20|site=dc-1|zone=parts|bin=R12-B4|quantity=120|fits=pump P3|"
                    "supplier=Bearings Ltd"
                ),
            ),
        ),
        Template(
            "retail-store",
            "Retail store",
            (
                "sku", "label", "gtin", "unit_value", "case_pieces", "reorder_point", "site", "zone", "bin",
                "quantity", "unit",
            ),
            (
                "department",
            ),
            (
                _row(
                    "sku=TEA-20|label=Tea, 20 bags|gtin=5012345678900|unit_value=2.35|case_pieces=24|"
                    "reorder_point=12|site=store-1|zone=sales-floor|bin=G-3|quantity=36|unit=piece|"
                    "department=drinks"
                ),
            ),
        ),
    )
}  # fmt: skip
