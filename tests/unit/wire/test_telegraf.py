"""Metrics of Telegraf as its serializer `json` writes them: by field, profile and tag, in any of its units of time."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from domain.profiles import Profile, Target
from domain.wire import telegraf
from domain.wire.said import REFUSED, Context, Said, WireError

NOW = Context(received_ms=1_795_900_000_000)
T_S = 1_795_899_940

DOCUMENTED = {
    "fields": {"field_1": 30, "field_2": 4, "field_N": 59, "n_images": 660},
    "name": "docker", "tags": {"host": "raynor"}, "timestamp": 1458229140,
}  # fmt: skip
"""The example of Telegraf's own documentation."""


def metric(fields: dict[str, Any], name: str = "reefer", at: Any = T_S, **tags: Any) -> dict[str, Any]:
    return {"fields": fields, "name": name, "tags": {"host": "edge-1", **tags}, "timestamp": at}


def read(*metrics: Any, context: Context = NOW) -> list[Said]:
    whole = metrics[0] if len(metrics) == 1 else {"metrics": list(metrics)}
    return telegraf.decode(orjson.dumps(whole) + b"\n", context)


def test_the_documented_sample_is_read_with_its_time_and_its_host_is_no_device() -> None:
    said = read(DOCUMENTED)
    assert {each.source for each in said} == {""}
    assert said[0].values == {"t": 1_458_229_140_000, "key": "docker.field_1", "num": 30.0}
    assert [each.values for each in said] == [
        each.values for each in telegraf.decode(orjson.dumps({"metrics": [DOCUMENTED]}), NOW)
    ]


def test_fields_find_their_stream_by_name() -> None:
    said = read(
        metric({"temperature": 4.5, "humidity": 81, "latitude": 60.1, "longitude": 24.9, "door": False, "x": 7})
    )
    at = {"t": T_S * 1000}
    assert Said("temp", at | {"c": 4.5, "rh": 81}) in said
    assert Said("gps", at | {"lat": 60.1, "lon": 24.9}) in said
    assert Said("door", at | {"open": False}) in said
    assert Said("attr", at | {"key": "x", "num": 7.0}) in said


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9])
def test_a_time_is_read_in_each_unit_that_telegraf_can_be_told(unit: int) -> None:
    (warm,) = read(metric({"temperature": 4.5}, at=T_S * unit))
    assert warm.values["t"] == T_S * 1000


def test_a_time_may_be_written_and_may_be_missing() -> None:
    (warm,) = read(metric({"temperature": 4.5}, at="2026-11-28T21:05:40Z"))
    assert warm.values["t"] == T_S * 1000
    (warm,) = read(metric({"temperature": 4.5}, at=None))
    assert "t" not in warm.values


def test_a_field_called_value_has_the_name_of_its_metric() -> None:
    said = read(metric({"value": 4.5}, "temperature"), metric({"value": 70}, "humidity"))
    assert said == [Said("temp", {"t": T_S * 1000, "c": 4.5, "rh": 70})]


def test_tags_say_where_a_value_is_from_and_of_which_device() -> None:
    said = read(
        metric({"temperature": 4.5}, probe="rear"),
        metric({"temperature": 5.5, "latitude": 60.0, "longitude": 24.0}, sensor="front"),
        metric({"temperature": 6.5}, device_id="868", probe="rear"),
        metric({"temperature": 61.0}, sensor="cpu"),
    )
    assert Said("temp", {"t": T_S * 1000, "probe": "rear", "c": 4.5}) in said
    assert Said("temp", {"t": T_S * 1000, "probe": "front", "c": 5.5}) in said
    assert Said("gps", {"t": T_S * 1000, "lat": 60.0, "lon": 24.0}) in said
    assert Said("temp", {"t": T_S * 1000, "probe": "rear", "c": 6.5}, "868") in said
    assert Said("attr", {"t": T_S * 1000, "key": "cpu.temperature", "num": 61.0}) in said


def test_the_machine_that_telegraf_runs_on_is_not_what_is_carried() -> None:
    said = read(metric({"temp": 61.0}, "temp", sensor="coretemp_core_0"), metric({"usage_idle": 90.0}, "cpu"))
    assert {each.stream for each in said} == {"attr"}
    assert [each.values["key"] for each in said] == ["temp.temp", "cpu.usage_idle"]


def test_a_profile_says_what_a_name_means_at_each_place() -> None:
    profile = Profile(channels={"temperature": Target("temp", "c", unit="F"), "reg_7": Target("temp", "c", "door")})
    context = Context(0, profile_at=lambda source, _t_ms: profile if source == "868" else Profile())
    said = read(
        metric({"temperature": 39.2}, device_id="868", probe="rear"),
        metric({"reg_7": 4.0}, device_id="868"),
        metric({"temperature": 39.2}, probe="rear"),
        context=context,
    )
    assert [(each.source, each.values["probe"], each.values["c"]) for each in said] == [
        ("868", "rear", pytest.approx(4.0)), ("868", "door", 4.0), ("", "rear", 39.2),
    ]  # fmt: skip


def test_a_metric_that_cannot_be_read_costs_itself() -> None:
    good = metric({"temperature": 4.5})
    said = read(good, {"name": "x"}, metric({"a": 1}, at="soon", device_id="868"), 7, metric({"a": 1}, device_id=7))
    assert [each.stream for each in said if each.stream != REFUSED] == ["temp"]
    assert [each.source for each in said if each.stream == REFUSED] == ["", "868", "", ""]


@pytest.mark.parametrize("payload", [b"[]", b"7", b"{}", b'{"metrics":{}}', b'{"fields":[],"name":"a"}', b"cpu v=1"])
def test_what_is_no_metric_is_refused(payload: bytes) -> None:
    with pytest.raises(WireError) as refused:
        telegraf.decode(payload, NOW)
    assert refused.value.reason == "malformed"
