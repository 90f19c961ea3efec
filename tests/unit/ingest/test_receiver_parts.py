"""Parts of the MQTT receivers that need no broker: URL, waiting times, settings."""

from __future__ import annotations

import pytest

from ingest.mqtt.receiver import Backoff, Endpoint, ReceiverConfig, ReceiverError


def test_a_url_is_read_and_a_wrong_one_does_not_show_its_password() -> None:
    assert Endpoint.from_url("mqtt://a%2Fb:c%40d@h:99") == Endpoint("h", 99, "a/b", "c@d", tls=False)
    assert Endpoint.from_url("mqtts://h") == Endpoint("h", 8883, None, None, tls=True)
    assert Endpoint.from_url("mqtt://h").port == 1883
    for url in ("http://u:secret@h", "mqtt://", "mqtt://u:secret@h:x", "secret"):
        with pytest.raises(ReceiverError) as caught:
            Endpoint.from_url(url)
        assert "secret" not in str(caught.value)


def test_waiting_times_double_within_their_bounds_and_start_again() -> None:
    longest = Backoff(0.1, 5.0, uniform=lambda low, high: high)
    assert [round(longest.draw(), 3) for _ in range(8)] == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    longest.reset()
    assert longest.draw() == 0.1
    shortest = Backoff(0.1, 5.0, uniform=lambda low, high: low)
    assert [round(shortest.draw(), 3) for _ in range(3)] == [0.1, 0.1, 0.2]


@pytest.mark.parametrize("options", [{"filters": []}, {"keepalive_s": 0}, {"receipt_qos": 2}])
def test_impossible_settings_are_refused(options: dict[str, object]) -> None:
    arguments: dict[str, object] = {"filters": ["a"]} | options
    with pytest.raises(ReceiverError):
        ReceiverConfig.from_url("mqtt://h", **arguments)  # type: ignore[arg-type]
