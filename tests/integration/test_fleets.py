"""Fleets and drivers of vehicles by interval of event time, as the schema keeps them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.db import connect, queries
from store.registry import Registry
from tests.examples import examples
from tests.logins import of_api

T0 = datetime(2026, 11, 22, 10, tzinfo=UTC)
HOURS = 8
hour = st.integers(0, HOURS)


def at(hours: float) -> datetime:
    return T0 + timedelta(hours=hours)


def known(connection: psycopg.Connection[Any], vehicle: int, tenant: int, hours: float) -> tuple[Any, Any]:
    row = connection.execute(
        queries("vehicles")["then"], {"tenant": tenant, "vehicle": vehicle, "at": at(hours)}
    ).fetchone()
    assert row is not None
    return row[0], row[1]


def overlay(connection: psycopg.Connection[Any], query: str, values: dict[str, Any]) -> None:
    connection.execute(queries("vehicles")[query], {"by": "test", **values})


@settings(max_examples=examples(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(["ann", "bo", None]), st.none() | hour, st.none() | hour, st.sampled_from("df")),
        max_size=8,
    )
)
def test_the_last_word_on_every_hour_counts(kept_database: str, said: list[tuple[Any, Any, Any, str]]) -> None:
    """Of fleets and drivers, whatever was known before, since ever and for good too."""
    with connect(kept_database, "test") as connection, connection.transaction(force_rollback=True):
        registry = Registry(connection)
        tenant, vehicle = registry.tenant_id, registry.put_vehicle("van-1")
        keys = {}
        for name in ("ann", "bo"):
            row = connection.execute(
                queries("vehicles")["put_driver"], {"tenant": tenant, "name": name, "label": None}
            ).fetchone()
            keys[name] = row[0] if row else None
        model: dict[str, dict[float, Any]] = {"d": {}, "f": {}}
        for name, first, last, which in said:
            if first is not None and last is not None and first >= last:
                continue
            span = {"since": None if first is None else at(first), "until": None if last is None else at(last)}
            if which == "d":
                overlay(connection, "hand_over", {"vehicle": vehicle, "driver": keys.get(name), **span})
            else:
                overlay(connection, "enlist", {"vehicle": vehicle, "fleet": name, **span})
            for n in range(-1, HOURS + 1):
                if (first is None or n >= first) and (last is None or n < last):
                    model[which][n] = name
        for n in range(-1, HOURS + 1):
            found = known(connection, vehicle, tenant, n + 0.5)
            assert found == (model["f"].get(n), model["d"].get(n)), n
        fleet = connection.execute("select fleet from vehicle where id = %s", (vehicle,)).fetchone()
        assert fleet == (model["f"].get(HOURS),)
        empty = connection.execute("select count(*) from vehicle_driver where valid_from >= valid_to").fetchone()
        assert empty == (0,)


def describe(connection: psycopg.Connection[Any], tenant: int, name: str, **parts: Any) -> None:
    every = dict.fromkeys(
        (
            "fleet",
            "model",
            "load_capacity_kg",
            "volume_capacity_m3",
            "pallet_capacity",
            "fuel_type",
            "nominal_fuel_lph",
            "tags",
        )
    )
    values = {**every, **parts, "tenant": tenant, "name": name, "parts": list(parts)}
    connection.execute(queries("vehicles")["describe"], values)


def test_the_first_fleet_has_always_been_it_and_another_is_from_now_on(database: str) -> None:
    with connect(database, "test") as connection:
        registry = Registry(connection)
        vehicle = registry.put_vehicle("van-1")
        describe(connection, registry.tenant_id, "van-1", fleet="North", tags=["cold"])
        describe(connection, registry.tenant_id, "van-1", model="Sprinter")
        describe(connection, registry.tenant_id, "van-1", fleet="South")
        describe(connection, registry.tenant_id, "van-1", fleet="South", tags=None)
        rows = connection.execute(
            queries("vehicles")["vehicle_fleets"],
            {"tenant": registry.tenant_id, "vehicle": vehicle, "id": None, "limit": 9},
        ).fetchall()
    (_, newer, changed, still, *_), (_, older, ever, until, *_) = rows
    assert (newer, still, older, ever) == ("South", None, "North", None)
    assert changed == until


def spans(connection: psycopg.Connection[Any], tenant: int, **wanted: list[str]) -> list[Any]:
    every = dict.fromkeys(("fleets", "models", "drivers", "fuel_types", "tags"))
    return connection.execute(queries("vehicles")["spans"], {**every, **wanted, "tenant": tenant}).fetchall()


def test_a_vehicle_fits_while_its_fleet_and_its_driver_were_the_ones(database: str) -> None:
    with connect(database, "test") as connection:
        registry = Registry(connection)
        tenant = registry.tenant_id
        one, two = registry.put_vehicle("van-1"), registry.put_vehicle("van-2")
        values = {"tenant": tenant, "name": "ann", "label": "Ann"}
        ann = connection.execute(queries("vehicles")["put_driver"], values).fetchone()
        assert ann is not None
        overlay(connection, "enlist", {"vehicle": one, "fleet": "North", "since": at(1), "until": at(4)})
        overlay(connection, "hand_over", {"vehicle": one, "driver": ann[0], "since": at(2), "until": None})
        describe(connection, tenant, "van-2", model="Sprinter", fuel_type="electric", tags=["cold", "tail lift"])
        assert spans(connection, tenant) == [(one, None, None), (two, None, None)]
        assert spans(connection, tenant, fleets=["North"], drivers=["ann", "bo"]) == [(one, at(2), at(4))]
        assert spans(connection, tenant, fleets=["North"], models=["Sprinter"]) == []
        assert [r[0] for r in spans(connection, tenant, tags=["cold"], fuel_types=["electric", "lng"])] == [two]
        assert spans(connection, tenant, tags=["cold", "bulk"]) == []
        assert spans(connection, tenant + 1) == []


@pytest.mark.parametrize("tags", [["a", "a"], [""], ["x" * 41], ["a\n"], [str(n) for n in range(21)]])
def test_tags_are_few_short_and_distinct(kept_database: str, tags: list[str]) -> None:
    with connect(kept_database, "test") as connection, connection.transaction(force_rollback=True):
        registry = Registry(connection)
        registry.put_vehicle("van-1")
        with pytest.raises(psycopg.errors.CheckViolation):
            describe(connection, registry.tenant_id, "van-1", tags=tags)


def test_a_tenant_hands_over_its_own_vehicles_to_its_own_drivers_only(database: str) -> None:
    with connect(database, "test") as owner:
        mine = Registry(owner)
        owner.execute("insert into tenant (name) values ('other')")
        other = Registry(owner, "other")
        van, strange = mine.put_vehicle("van-1"), other.put_vehicle("van-1")
        values = {"tenant": other.tenant_id, "name": "bo", "label": "Bo"}
        bo = owner.execute(queries("vehicles")["put_driver"], values).fetchone()
        tenant = mine.tenant_id
    assert bo is not None
    with connect(of_api(database), "test") as connection:
        connection.execute("select set_config('role', 'frostway_api', false)")
        connection.execute("select set_config('app.tenant', %s, false)", (str(tenant),))
        span = {"since": None, "until": None}
        for values in ({"vehicle": van, "driver": bo[0]}, {"vehicle": strange, "driver": None}):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                overlay(connection, "hand_over", {**values, **span})
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            overlay(connection, "enlist", {"vehicle": strange, "fleet": "x", **span})
