"""Figures of the work: each by its definition on a small week, as it is known now and as it was known then."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from planning.kpis.board import counted
from planning.kpis.catalogue import CATALOGUE, KPIS
from tests.integration.api.seed import World, client, serving

V1 = "/api/v1"
TODAY = datetime(2026, 11, 30, tzinfo=UTC)
MONDAY = datetime(2026, 11, 9, tzinfo=UTC)
"""All of it happens in the week of this day, and some is told in the week after."""
LATE = MONDAY + timedelta(days=9)
WEEK = {"from": "2026-11-09", "until": "2026-11-16"}


def at(day: int, hour: float) -> datetime:
    return MONDAY + timedelta(days=day, hours=hour)


class Week(World):
    """A world with a week in it; `add` puts a row into a table and gives its key."""

    def add(self, table: str, returning: str = "id", **values: Any) -> Any:
        values = {"tenant_id": self.tenant_id, **values}
        marks = ", ".join(["%s"] * len(values))
        return self.one(
            f"insert into {table} ({', '.join(values)}) values ({marks}) returning {returning}", *values.values()
        )

    def order(self, name: str, due: datetime, placed: datetime, *lines: tuple[str, int]) -> list[int]:
        order = self.add(
            "customer_order", name=name, customer_id=self.ids["ward-5"], site_id=self.ids["store-1"], window_end=due,
            ordered_at=placed, created_at=placed, created_by="x",
        )  # fmt: skip
        self.ids[name] = order
        return [
            self.add(
                "order_line", order_id=order, seq=n, product_id=self.ids[sku], quantity=units, entered_quantity=units,
                entered_unit="piece", stages="{}",
            )
            for n, (sku, units) in enumerate(lines, 1)
        ]  # fmt: skip

    def step(self, line: int, kind: str, units: int, when: datetime, told: datetime | None = None) -> None:
        self.add(
            "order_step", line_id=line, client_id=f"{kind}-{line}", kind=kind, at=when, recorded_at=told or when,
            quantity=units, actor="x", source="person",
        )  # fmt: skip

    def proof(self, order: str, told: datetime, seq: int) -> None:
        proof = self.add(
            "proof", shipment_id=self.ids["S-1"], stop_name="x", customer_id=self.ids["ward-5"], device="d", boot="b",
            seq=seq, asked=b"x",
        )  # fmt: skip
        self.add(
            "proof_revision", "proof_id", proof_id=proof, revision=1, at=told, recorded_at=told, recorded_by="x",
            outcome="delivered", body="{}",
        )  # fmt: skip
        self.add("proof_order", "proof_id", proof_id=proof, order_id=self.ids[order])

    def goods(self, name: str, kind: str, places: tuple[int, int], units: int, when: datetime, **more: Any) -> int:
        values = {"recorded_at": when, "quantity": units, "entered_quantity": units, "entered_unit": "piece", **more}
        return int(
            self.add(
                "ledger_move", client_id=name, kind=kind, moved_at=when, product_id=self.ids["MILK"],
                from_place=places[0], to_place=places[1], actor="x", source="order", **values,
            )
        )  # fmt: skip

    def orders(self) -> None:
        self.ids["ward-5"] = self.add("customer", code="ward-5")
        (a,) = self.order("A", at(2, 12), at(0, 8), ("MILK", 10))
        late, short = self.order("B", at(2, 12), at(0, 8), ("MILK", 10), ("TEA", 4))
        self.order("C", at(3, 12), at(0, 8), ("MILK", 10))
        (told_late,) = self.order("E", at(4, 12), at(1, 9), ("TEA", 5))
        for line in (a, late):
            self.step(line, "load", 10, at(2, 10))
        self.step(a, "deliver", 10, at(2, 11))
        self.step(late, "deliver", 10, at(2, 15))
        self.step(short, "deliver", 3, at(2, 11))
        self.step(told_late, "deliver", 5, at(4, 9), LATE)
        self.proof("A", at(2, 11), 1)
        self.proof("E", LATE, 2)

    def ledger(self) -> None:
        place = {kind: self.add("ledger_place", kind=kind) for kind in ("supplier", "customer", "waste")}
        dock, shelf = (
            self.add("ledger_place", kind="site", site_id=self.ids["store-1"], zone_id=self.ids[zone])
            for zone in ("chiller", "shelf")
        )
        self.goods("in", "receive", (place["supplier"], dock), 10, at(0, 6))
        self.goods("up-1", "put_away", (dock, shelf), 4, at(0, 8))
        self.goods("up-2", "put_away", (dock, shelf), 6, at(0, 10))
        self.goods("out", "deliver", (shelf, place["customer"]), 7, at(3, 9))
        self.goods("gone", "waste", (shelf, place["waste"]), 1, at(4, 9), reason="expired")
        wrong = self.goods("wrong", "waste", (shelf, place["waste"]), 1, at(4, 10), reason="expired")
        self.goods(
            "back", "waste", (place["waste"], shelf), 1, at(4, 10), entry="reversal", corrects=wrong, recorded_at=LATE
        )

    def road(self) -> None:
        truck = self.ids["truck-01"]
        fact = {"vehicle_id": truck, "rule_version": 1}
        self.add(
            "visit", site_id=self.ids["store-1"], entered_at=at(1, 6), left_at=at(1, 9), decided_at=at(1, 9), **fact
        )
        self.add("docking", client_id="d", zone_id=self.ids["chiller"], vehicle_id=truck, began_at=at(1, 7),
                 told_at=at(1, 7), told_by="x")  # fmt: skip
        self.add(
            "detention_terms", site_id=self.ids["store-1"], free_min=90, rate_per_h=40, currency="EUR", told_by="x"
        )
        for began, ended, km in ((at(1, 5), at(1, 6), 40), (at(1, 13), at(1, 14), 10)):
            self.add("trip", kind="trip", started_at=began, ended_at=ended, start_lat=60, start_lon=24,
                     distance_m=km * 1000, decided_at=ended, **fact)  # fmt: skip
        self.run(
            "update shipment set status = 'delivered', started_at = %s, delivered_at = %s where id = %s",
            at(1, 5), at(1, 12), self.ids["S-1"],
        )  # fmt: skip
        stop = self.one("select id from stop where shipment_id = %s and seq = 2", self.ids["S-1"])
        self.add("eta_grade", "stop_id", stop_id=stop, bucket=-1, hours_out="all", vehicle_id=truck, lane="a → b",
                 arrived_at=at(1, 12), predictions=4, error_min=6, within_15=1, within_30=1, covered=1, width_min=9,
                 decided_at=at(1, 12), rule_version=1)  # fmt: skip
        alert = self.open_alert("reefer-01", "rear", opened_at=at(1, 8), alarm_at=at(1, 8), decided_at=LATE)
        cause = self.one(
            "insert into alert_event (alert_id, at, what, actor) values (%s, %s, 'acted', 'x') returning id",
            alert,
            LATE,
        )
        self.add("case_event", alert_id=alert, version=1, at=LATE, what="acted", actor="x", cause=cause)
        self.open_alert("gps-01", opened_at=at(1, 8), decided_at=at(1, 8), withdrawn_at=at(2, 8), severity="warning")
        carrier = self.add("carrier", code="nord")
        service = self.add("carrier_service", carrier_id=carrier, code="day", mode="road", transit_h=5, transit_h_p90=9,
                           co2e_g_per_tkm=60)  # fmt: skip
        options = '[{"carrier": "nord", "service": "day", "co2e_kg": 1.2, "co2e_grade": "default"}]'
        self.add("carrier_choice", shipment_id=self.ids["S-1"], service_id=service, asked="{}", options=options,
                 chosen_at=at(1, 4), chosen_by="x")  # fmt: skip

    def forecast(self) -> None:
        goods = {"site_id": self.ids["store-1"], "product_id": self.ids["JAM"]}
        self.add("demand_forecast", "begins", begins=MONDAY.date(), made_at=at(0, 1), model="mean",
                 **{"class": "smooth"}, history_days=80, short_days=0, mean=[3.0] * 14, **goods)  # fmt: skip
        for n in range(7):
            self.add("sales_day", "day", day=at(n, 0).date(), quantity=4, told_at=at(n, 20), told_by="x", **goods)

    def fill(self) -> None:
        self.furnish()
        for sku in ("TEA", "JAM"):
            self.ids[sku] = self.registry.put_product(sku, label=sku)
        self.ids["shelf"] = self.registry.put_zone("store-1", "shelf", "Shelf")
        self.run("update product set unit_value = 2 where sku = 'MILK'")
        self.run("update assignment set valid_from = '-infinity'")
        for part in (self.orders, self.ledger, self.road, self.forecast):
            part()


NOW_AND_THEN: dict[str, tuple[float, float | None]] = {
    "perfect_order": (2 / 4, 1 / 4),  # A; E once its proof was there; not B, C
    "otif": (2 / 5, 1 / 5),
    "order_cycle_time": ((51 + 72) / 2, 51),
    "fill_rate": ((10 + 10 + 3 + 0 + 5) / 39, (10 + 10 + 3 + 0 + 0) / 39),
    "dock_to_stock": (4, 4),
    "inventory_turns": (14 * 365 / (3 * 20 + 6 + 3 * 4), 14 * 365 / (3 * 20 + 6 + 3 * 2)),
    "days_of_cover": ((3 * 20 + 6 + 3 * 4) / 14, (3 * 20 + 6 + 3 * 2) / 14),
    "dock_dwell": (3, 3),
    "detention": (90, 90),
    "empty_km": (10 / 50, 10 / 50),
    "co2e_per_tkm": (60, 60),
    "spoilage": (2 / 14, 4 / 14),
    "forecast_error": (7 / 28, 7 / 28),
    "alarm_precision": (1 / 2, 0),
    "arrival_error": (6, 6),
    "cold_chain_kept": (0, 1),
}
"""Of the week: what each comes to, and what it came to before some was told."""


def ok(answer: httpx.Response, *status: int) -> dict[str, Any]:
    assert answer.status_code in (status or (200,)), answer.text
    return dict(answer.json())


def nothing_is_counted_as_none(api: httpx.Client) -> None:
    found = ok(api.get(f"{V1}/kpis?as_of=2026-11-30T00:00:00Z"))["items"]
    assert [kpi["id"] for kpi in found] == [kpi.id for kpi in CATALOGUE]
    assert all(kpi["missing"] and kpi["newest"] is None and set(kpi["values"]) == {None} for kpi in found)
    assert ok(api.get(f"{V1}/kpis/otif/facts"))["items"] == []


def each_is_what_its_facts_come_to(api: httpx.Client, kpi: str) -> None:
    now, then = NOW_AND_THEN[kpi]
    for as_of, value in ((TODAY, now), (LATE - timedelta(hours=1), then)):
        asked = {"as_of": as_of.isoformat()}
        told = ok(api.get(f"{V1}/kpis/{kpi}", params={**WEEK, **asked}))
        (week,) = told["figures"]
        assert (week["value"], told["missing"]) == (pytest.approx(value), []), (kpi, as_of)
        facts = ok(api.get(f"{V1}/kpis/{kpi}/facts", params={"period": "2026-11-11", **asked}))["items"]
        mine = counted(KPIS[kpi], facts)
        assert (week["facts"], week["low"]) == (mine.facts, mine.low)
        assert (week["value"], week["p90"]) == (pytest.approx(mine.value), pytest.approx(mine.p90))
        days = ok(api.get(f"{V1}/kpis/{kpi}", params={**WEEK, **asked, "by": "day"}))["figures"]
        for sum_of in ("good", "total", "facts"):
            assert sum(day[sum_of] for day in days) == pytest.approx(week[sum_of])
        split = ok(api.get(f"{V1}/kpis/{kpi}", params={**WEEK, **asked, "split": KPIS[kpi].by[0]}))["parts"]
        assert sum(part["facts"] for part in split) == week["facts"]


def a_figure_opens_its_facts(api: httpx.Client) -> None:
    url, week = f"{V1}/kpis/otif/facts", {"period": "2026-11-09"}
    first = api.get(url, params={**week, "limit": 3})
    rest = api.get(first.links["next"]["url"]).json()["items"]
    facts = [*first.json()["items"], *rest]
    assert {fact["id"]: fact["why"] for fact in facts} == {
        "A/1": "", "B/1": "late", "B/2": "short", "C/1": "not_delivered", "E/1": "",
    }  # fmt: skip
    assert next(f for f in facts if f["id"] == "E/1")["known_at"] == "2026-11-18T00:00:00.000Z"
    text = api.get(url, params={**week, "format": "csv"}).text
    assert len(list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))))) == 5
    assert len(ok(api.get(url, params={**week, "product": "TEA"}))["items"]) == 2
    for address, status in (
        ("kpis/none", 404), ("kpis/none/facts", 404), ("kpis/otif?split=vehicle", 422),
        ("kpis/otif?by=day&from=2020-01-01", 422),
        ("kpis/otif?from=2026-02-01&until=2026-01-01", 422),
    ):  # fmt: skip
        assert api.get(f"{V1}/{address}").status_code == status, address


def what_is_wanted(api: httpx.Client, url: str, world: World) -> None:
    put = f"{V1}/kpis/otif/target"
    assert ok(api.put(put, json={"target": 0.3, "changes": ["2026-11-02"], "version": 0}))["version"] == 1
    assert api.put(put, json={"target": 0.5, "version": 0}).status_code == 409
    assert ok(api.put(put, json={"target": 0.3, "changes": ["2026-11-02"], "version": 1}))["version"] == 2
    assert api.put(put, json={"target": 95}).status_code == 422
    assert api.put(f"{V1}/kpis/none/target", json={"target": 1}).status_code == 404
    told = ok(api.get(f"{V1}/kpis/otif", params={**WEEK, "as_of": TODAY.isoformat()}))
    assert (told["reached"], told["target"]["target"], told["target"]["changes"]) == (True, 0.3, ["2026-11-02"])
    with client(url, world.token("viewer")) as other:
        assert other.put(put, json={"target": 1}).status_code == 403
        assert other.get(f"{V1}/kpis").status_code == 200


def a_week_in_short(api: httpx.Client, world: Week) -> None:
    """A week later all lines of orders are late; that is said, and whose they are."""
    for n, when in ((1, 8), (2, 8)):
        (line,) = world.order(f"L{n}", at(7 + 2, 12), at(7, 9), ("TEA", 5))
        world.step(line, "deliver", 5, at(7 + 2, 12 + when))
    told = ok(api.get(f"{V1}/kpis/digest", params={"week": "2026-11-18", "as_of": TODAY.isoformat()}))
    assert told["week"] == "2026-11-16"
    assert 3 == len(told["changes"]) <= told["changed"] <= told["counted"]
    again = ok(api.get(f"{V1}/kpis/digest", params={"week": "2026-11-16", "as_of": TODAY.isoformat()}))
    assert again == told, "any day of the week is the week"
    for change in told["changes"]:
        assert change["value"] != change["before"]
    assert ok(api.get(f"{V1}/kpis/digest?week=2001-01-01"))["changes"] == []


def test_figures_are_what_their_facts_come_to_now_and_as_they_were_known(kept_database: str) -> None:
    world = Week(kept_database)
    with serving(kept_database) as url, client(url, world.token("planner")) as api:
        nothing_is_counted_as_none(api)
        world.fill()
        for kpi in CATALOGUE:
            each_is_what_its_facts_come_to(api, kpi.id)
        a_figure_opens_its_facts(api)
        what_is_wanted(api, url, world)
        a_week_in_short(api, world)
    world.close()
