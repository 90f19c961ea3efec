"""The formats that are not ours, by the name that stands in a topic. A new format is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from domain.wire import (
    ble,
    flespi,
    lorawan,
    osmand,
    owntracks,
    reads,
    ruuvi,
    senml,
    telegraf,
    teltonika,
    thingsboard,
    traccar,
)
from domain.wire.bthome import BTHome
from domain.wire.said import Decoder
from domain.wire.sparkplug import Sparkplug

# Made once for each ingest program, so that a format with a memory has its own.
FORMATS: Mapping[str, Callable[[], Decoder]] = {
    "owntracks": lambda: owntracks.decode,
    "osmand": lambda: osmand.decode,
    "senml": lambda: senml.decode,
    "ruuvi": lambda: ruuvi.decode,
    "ble": lambda: BTHome(ble.decode).decode,
    "sparkplug": Sparkplug,
    "teltonika": lambda: teltonika.decode,
    "thingsboard": lambda: thingsboard.decode,
    "tts": lambda: lorawan.decode_tts,
    "chirpstack": lambda: lorawan.decode_chirpstack,
    "traccar": lambda: traccar.decode,
    "flespi": lambda: flespi.decode,
    "telegraf": lambda: telegraf.decode,
    "reads": lambda: reads.decode,
}
