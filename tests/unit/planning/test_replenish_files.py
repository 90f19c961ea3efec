"""`frostway replenish`: a file of products in, proposals that say why out; what is wrong is told by line and column."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from api.resources.shared.sheets import workbook
from frostway.cli.root import app
from frostway.cli.work.replenish import Asked, proposed, sentence
from frostway.failure import Failure

RUN = CliRunner().invoke
HEAD = ["sku", "site", "supplier", "history", "lead_times", "on_hand", "on_order", "pack", "gap", "eta_p50", "eta_p90"]


def rows() -> list[list[str]]:
    rng = np.random.default_rng(3)
    past = " ".join(map(str, rng.poisson(6, 200)))
    leads = " ".join(map(str, rng.integers(3, 8, 60)))
    return [
        ["MILK", "turku", "dairy", past, leads, "20", "", "12", "60", "", ""],
        ["CREAM", "turku", "dairy", past.replace(" 6 ", " - "), "5", "10", "40", "6", "36", "4", "9"],
    ]


def table(*lines: list[str], head: list[str] | None = None) -> bytes:
    return "".join(",".join(line) + "\n" for line in (head or HEAD, *lines)).encode()


def test_a_file_becomes_proposals_that_say_why_the_same_each_time_and_from_a_workbook_alike(tmp_path) -> None:
    told, _ = proposed(table(*rows()), "FILE", Asked())
    milk, cream = told
    assert (milk.order % 12, milk.proposal.position) == (0, 20)
    assert milk.order >= milk.proposal.up_to - 20
    assert "95.0% of cycles nobody waits" in sentence(milk)
    assert "(packs of 12)" in sentence(milk)
    assert milk.proposal.why.lead_seen == 60
    assert 0.5 < cream.ahead.out_before_next < cream.ahead.out_by_day[-1] + 1e-9
    assert (cream.proposal.why.lead_seen, cream.proposal.position) == (1, 50)
    as_sheet, _ = proposed(workbook("products", HEAD, rows()), "FILE", Asked())
    assert [each.proposal for each in as_sheet] == [each.proposal for each in told]
    lines = [{k: v for k, v in zip(HEAD, row, strict=True) if v} for row in rows()]
    lines[0]["history"] = [int(each) for each in lines[0]["history"].split()]
    as_lines, _ = proposed("\n".join(map(json.dumps, lines)).encode(), "FILE", Asked())
    assert [each.proposal for each in as_lines] == [each.proposal for each in told]
    file = tmp_path / "products.csv"
    file.write_bytes(table(*rows()))
    out = RUN(app, ["replenish", str(file), "--format", "json"])
    assert json.loads(out.stdout)["proposals"][0]["order"] == milk.order
    assert len(json.loads(out.stdout)["proposals"][0]["ahead"]["available"]) == 28
    printed = RUN(app, ["replenish", str(file), "--format", "csv"]).stdout.splitlines()
    assert printed[0].startswith("sku,site,order,position,reorder")
    assert printed[1].startswith(f"MILK,turku,{milk.order:g},20,")


def test_what_if_demand_doubles_or_all_comes_late_more_is_ordered() -> None:
    content = table(*rows())
    plain, double, late = (
        proposed(content, "FILE", asked)[0][0].proposal.reorder for asked in (Asked(), Asked(demand=2), Asked(late=5))
    )
    assert double > 1.7 * plain
    assert late > plain + 4 * 6


def test_a_suppliers_order_is_made_together_and_all_keeps_the_budget() -> None:
    head = [*HEAD, "can", "price", "supplier_minimum"]
    milk, cream = rows()
    lines = table([*milk, "30", "2", "900"], [*cream, "90", "1", ""], head=head)
    told, notes = proposed(lines, "FILE", Asked())
    assert told[1].words.startswith(("joins", "at or below"))
    assert sum(each.order * price for each, price in zip(told, (2, 1), strict=True)) >= 900
    assert any("fills to the minimum" in each.words for each in told)
    cut, notes = proposed(lines, "FILE", Asked(budget=100))
    assert sum(each.order * price for each, price in zip(cut, (2, 1), strict=True)) <= 100
    assert "the budget is 100" in notes[-1]


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("history", "", "line 2: history: give the demand of past days"),
        ("history", "1 x 2", "line 2: history: 'x' is no number"),
        ("history", "- -", "line 2: history: its history has no known day"),
        ("lead_times", "", "line 2: lead_times: give past ones in days"),
        ("lead_times", "-3", "line 2: lead_times: a lead time is from 0 to 400"),
        ("on_hand", "-3", "line 2: on_hand: -3.0 is not 0 or more"),
        ("pack", "0", "line 2: pack: 0.0 holds nothing"),
        ("gap", "", "line 2: gap: give it, or order_cost and holding_cost"),
        ("eta_p90", "3", "line 2: eta_p50: it is missing"),
        ("sku", "", "line 2: sku: it is missing"),
        ("sku", "CREAM", "line 3: sku: CREAM stands in line 2 already"),
    ],
)
def test_what_is_wrong_is_told_by_line_and_column(column, value, told) -> None:
    lines = rows()
    lines[0][HEAD.index("supplier")] = ""
    lines[0][HEAD.index(column)] = value
    with pytest.raises(Failure, match=f"FILE: {told}"):
        proposed(table(*lines), "FILE", Asked())
