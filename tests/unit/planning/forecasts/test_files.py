"""Histories as strangers write them."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from frostway.cli.root import app
from planning.forecasts.files import HistoryError, read, series_of, together


def rows(*lines: str) -> list[dict[str, str]]:
    return list(csv.DictReader(["series,time,quantity,in_stock", *lines]))


def test_periods_are_told_by_the_distances_of_times() -> None:
    told = rows(
        "a,2026-01-01,1", "a,2026-01-03,2",
        "b,2026-01,1", "b,2026-02,2",
        "c,2026-01-05,1", "c,2026-01-19,2",
        "d,2026-01-01T00:00:00Z,1", "d,2026-01-01T05:00:00+01:00,2",
        "e,2020-01-01,1", "e,2026-01-01,2",
    )  # fmt: skip
    found = series_of(read(told))
    assert [s.period for s in found] == ["day", "month", "week", "hour", "year"]
    a = found[0]
    assert a.values[:3].tolist() == [1, 0, 2]  # the day without a line: nothing was asked for
    assert a.at(len(a.values)) > datetime(2026, 2, 1, tzinfo=UTC)  # and goes on so to the end of the file
    assert len(found[1].values) == 2  # this one has no gaps: it ends where it ends


def test_what_was_known_then_is_all_that_counts() -> None:
    told = read(rows("a,2026-01-01,1", "a,2026-01-02,2", "a,2026-01-03,3,0", "b,2026-01-03,9"))
    (a,) = series_of(told, datetime(2026, 1, 2, tzinfo=UTC))
    assert a.values.tolist() == [1, 2]
    assert series_of(told)[0].short.tolist() == [False, False, True]


def test_those_that_end_together_are_computed_together() -> None:
    told = rows(*(f"a,2026-01-{d:02},{d}" for d in range(1, 29)), *(f"b,2026-01-{d:02},{d}" for d in range(10, 29)))
    groups = together(series_of(read(told)))
    assert [(g.members, g.panel.season, g.panel.values.shape) for g in groups] == [([0, 1], 7, (2, 28))]
    assert np.isnan(groups[0].panel.values[1, :9]).all()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["a,soon,1"], "line 2: time: soon is none"),
        (["a,2026-01-01,1", "a,2026-01-01,2"], "line 3: a has 2026-01-01 already"),
        (["a,2026-01-01,-1"], "line 2: quantity: -1 is none"),
        (["a,2026-01-01,many"], "line 2: quantity: many is none"),
        (["a,2026-01-01,1,perhaps"], "line 2: in_stock: perhaps is none"),
        (["a,2026-01-01T00:00:00Z,1", "a,2026-01-01T00:07:00Z,1"], "fit into no hours"),
        (["a,1000-01-01,1", "a,2026-01-02,1"], "are too many"),
        ([], "no lines below the head"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(lines: list[str], said: str) -> None:
    with pytest.raises(HistoryError, match=said):
        series_of(read(rows(*lines)))


def test_the_command_writes_forecasts_from_each_origin(tmp_path: Path) -> None:
    history, out = tmp_path / "H.csv", tmp_path / "F.csv"
    week = [5, 6, 7, 9, 12, 3, 0]
    lines = [f"milk,{datetime.fromordinal(739_000 + n):%Y-%m-%d},{week[n % 7]}" for n in range(70)]
    history.write_text("series,time,quantity\n" + "\n".join(lines) + "\n")
    last = f"{datetime.fromordinal(739_069):%Y-%m-%d}"
    before = f"{datetime.fromordinal(739_055):%Y-%m-%d}"
    said = CliRunner().invoke(
        app,
        ["forecast", "--history", str(history), "--horizon", "3", "--origins", f"{before},{last}", "--out", str(out)],
    )
    assert said.exit_code == 0, said.output
    assert "mean_of_three\t2" in said.output
    told = list(csv.DictReader(out.read_text().splitlines()))
    assert list(told[0]) == ["series", "origin", "time", "p10", "p50", "p90", "mean", "model"]
    assert [row["origin"] for row in told] == [before] * 3 + [last] * 3
    assert told[3]["time"] == f"{datetime.fromordinal(739_070):%Y-%m-%d}"
    assert [float(row["mean"]) for row in told] == pytest.approx([5, 6, 7, 5, 6, 7], abs=0.2)
    for row in told:
        assert float(row["p10"]) <= float(row["p50"]) <= float(row["p90"])
    for wrong, words in (
        (["--as-of", "1999-01-01"], "nothing lies before"),
        (["--period", "moon"], "one of hour, day"),
    ):
        asked = ["forecast", "--history", str(history), "--horizon", "3", "--out", str(out), *wrong]
        refused = CliRunner().invoke(app, asked)
        assert refused.exit_code != 0
        assert words in str(refused.exception)


def test_the_reorder_point_of_an_item_keeps_what_is_promised(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    demand, lead = tmp_path / "D.csv", tmp_path / "L.csv"
    asked = rng.poisson(10, 400)
    days = [f"{datetime.fromordinal(739_000 + n):%Y-%m-%d},{quantity}" for n, quantity in enumerate(asked)]
    demand.write_text("time,quantity\n" + "\n".join(days) + "\n")
    lead.write_text("days\n" + "\n".join(["4", "5", "6"] * 20) + "\n")
    words = ["plan", "reorder", "--demand", str(demand), "--lead", str(lead), "--service", "0.95", "--json"]
    told = json.loads(CliRunner().invoke(app, [*words, "--quantity", "80"]).output)
    assert told.keys() >= {"reorder_point", "order_quantity", "service", "method"}
    assert told["order_quantity"] == 80
    assert 62 <= told["textbook"] < told["reorder_point"] < 95
    assert json.loads(CliRunner().invoke(app, words).output)["order_quantity"] == 51
    lead.write_text("days\nsoon\n")
    assert "line 2: days: soon is none" in str(CliRunner().invoke(app, words).exception)
    lead.write_text("hours\n")
    assert "`days` are needed" in str(CliRunner().invoke(app, words).exception)
