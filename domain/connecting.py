"""How devices are connected: the one table of ways that the API's pages, the command line and the documents tell.

Texts hold `$tenant`, `$device`, `$password`, `$token`, `$host`, `$port`, `$base` (address of the door for HTTP), `$ca`
(what makes a command trust a private authority), and in samples the present: `$ms`, `$s` since 1970, `$time` RFC 3339.
"""

from __future__ import annotations

from string import Template
from typing import Literal, NamedTuple

KINDS = ("tracker", "reefer", "thermometer", "rfid", "shelf", "door", "gateway", "phone", "connector", "logger")
_BRINGERS = ("gateway", "connector")
_MOVERS = ("tracker", "phone", "reefer")
_PRESENT = {"ms": "$(date +%s)000", "s": "$(date +%s)", "time": "$(date -u +%Y-%m-%dT%H:%M:%SZ)"}


class Way(NamedTuple):
    """One way to send one format. `format` empty: ours. `address`: topic, path below the door, or nothing (TCP)."""

    name: str
    label: str
    by: Literal["mqtt", "http", "tcp"]
    format: str
    kinds: tuple[str, ...]
    address: str
    sample: str
    about: str
    app: Literal["owntracks", "traccar", ""] = ""
    """Which app takes its settings from a QR code."""

    @property
    def command(self) -> str:
        """Sends the sample now, from a shell; empty when it cannot be typed."""
        if not self.sample or self.by == "tcp":
            return ""
        said = Template(self.sample.replace('"', '\\"')).safe_substitute(_PRESENT)
        if self.by == "http":
            return f'curl -sS $ca-H "Content-Type: application/json" -d "{said}" "$base{self.address}"'
        login = "-i $tenant/$device -u $tenant/$device -P $password"
        return f'mosquitto_pub -h $host -p $port $ca{login} -q 1 -t {self.address} -m "{said}"'


def _native(kind: str, stream: str, sample: str, *kinds: str) -> Way:
    about = (
        "One reading is one object, a batch has equally long arrays. MQTT 3.1.1 or 5, QoS 1, nothing retained. "
        "With boot and seq in it, what is safe is receipted on the topic that ends in /receipt."
    )
    topic = f"fw/v1/$tenant/$device/{stream}"
    return Way(f"native-{stream}", f"Frostway JSON, {kind}", "mqtt", "", kinds, topic, sample, about)


WAYS: tuple[Way, ...] = (
    Way(
        "owntracks-mqtt", "OwnTracks, MQTT", "mqtt", "owntracks", ("phone", "tracker"), "owntracks/$tenant/$device",
        '{"_type":"location","tst":$s,"lat":60.17,"lon":24.94,"acc":8,"vel":48,"batt":81}',
        "The app takes all settings from the code or its link. By hand: mode MQTT, user name and password as here, "
        "nothing retained (pubRetain off), remote commands allowed (cmd).", "owntracks",
    ),
    Way(
        "owntracks-http", "OwnTracks, HTTP", "http", "owntracks", ("phone", "tracker"), "/owntracks/$token",
        '{"_type":"location","tst":$s,"lat":60.17,"lon":24.94,"acc":8,"vel":48,"batt":81}',
        "The app takes all settings from the code or its link. By hand: mode HTTP and this address, "
        "remote commands allowed (cmd).", "owntracks",
    ),
    Way(
        "traccar-client", "Traccar Client, OsmAnd", "http", "osmand", ("phone", "tracker"), "/osmand/$token",
        '{"device_id":"$device","location":{"timestamp":"$time","coords":{"latitude":60.17,"longitude":24.94,'
        '"accuracy":8,"speed":13.2,"heading":270},"battery":{"level":0.81}}}',
        "Traccar Client reads the code in its settings. By hand: this address as server URL, the device's name as "
        "identifier. OsmAnd and GPSLogger: the same address with ?lat={0}&lon={1}&timestamp={2}&hdop={3}.", "traccar",
    ),
    _native("temperature", "temp", '{"t":$ms,"probe":"rear","c":4.7}', "reefer", "thermometer", "logger"),
    _native("position", "gps", '{"t":$ms,"lat":60.17,"lon":24.94,"spd":13.2}', *_MOVERS),
    _native("tags", "rfid", '{"t":$ms,"ant":1,"epc":"3034257BF7194E4000001A85","rssi":-61.5}', "rfid"),
    Way(
        "readers", "Tag readers: Impinj, Zebra, lists", "mqtt", "reads", ("rfid",), "fw/v1/$tenant/$device/reads",
        '[{"t":$ms,"ant":1,"epc":"3034257BF7194E4000001A85","rssi":-61.5}]',
        "What an Impinj reader (IoT device interface) or a Zebra FX (IoT connector) publishes by MQTT, one event or an "
        "array; or a list of reads as here. A reader that speaks LLRP comes by frostway llrp.",
    ),
    _native("shelf", "shelf", '{"t":$ms,"slot":"A-1","kg":12.84}', "shelf"),
    _native("door", "door", '{"t":$ms,"door":"rear","open":true}', "door", "reefer"),
    _native("battery, refrigeration", "status", '{"t":$ms,"batt":0.81}', "tracker", "reefer", "thermometer", "door"),
    Way(
        "thingsboard-http", "ThingsBoard, HTTP", "http", "thingsboard", KINDS, "/api/v1/$token/telemetry",
        '{"ts":$ms,"values":{"temperature":4.7,"latitude":60.17,"longitude":24.94}}',
        "The token stands where ThingsBoard has the access token. Names such as temperature, humidity, latitude, "
        "longitude, speed and battery are known; others find their place in the device's profile.",
    ),
    Way(
        "thingsboard-mqtt", "ThingsBoard, MQTT", "mqtt", "thingsboard", KINDS, "fw/v1/$tenant/$device/thingsboard",
        '{"ts":$ms,"values":{"temperature":4.7}}', "ThingsBoard's payload on a topic of ours, with the login as here.",
    ),
    Way(
        "senml", "SenML", "mqtt", "senml", ("thermometer", "tracker", *_BRINGERS), "fw/v1/$tenant/$device/senml",
        '[{"bt":$s,"n":"temperature","u":"Cel","v":4.7}]', "RFC 8428, JSON or CBOR. Times below 2^28 count from now.",
    ),
    Way(
        "teltonika", "Teltonika", "tcp", "teltonika", ("tracker",), "", "",
        "Codec 8, 8 Extended or 16, by TCP or UDP. The device's IMEI is its foreign id. In the Teltonika Configurator, "
        "GPRS: this host and port, no TLS. The protocol knows no password: a private network only.",
    ),
    Way(
        "sparkplug", "Sparkplug B", "mqtt", "sparkplug", _BRINGERS, "spBv1.0/$tenant/+/$device", "",
        "Group id: the tenant. Edge node id: the device's name. Metric names are streams by name, else attributes.",
    ),
    Way(
        "traccar-forward", "Traccar server, forwarding", "http", "traccar", _BRINGERS, "/traccar/$token",
        '{"device":{"uniqueId":"868120000000001"},"position":{"fixTime":"$time","valid":true,"latitude":60.17,'
        '"longitude":24.94,"speed":25.7,"attributes":{}}}',
        "In traccar.xml: forward.type json, forward.url this address; the same for event.forward. Register its devices "
        "by uniqueId as foreign id, or adopt them here once they have spoken.",
    ),
    Way(
        "flespi", "flespi stream", "http", "flespi", _BRINGERS, "/flespi/$token",
        '[{"ident":"868120000000001","timestamp":$s,"position.latitude":60.17,"position.longitude":24.94}]',
        "A stream of the type HTTP to this address. Register its devices by ident as foreign id, or adopt them here.",
    ),
    Way(
        "telegraf-http", "Telegraf, HTTP", "http", "telegraf", ("thermometer", *_BRINGERS), "/telegraf/$token",
        '{"metrics":[{"name":"reefer","tags":{"probe":"rear"},"fields":{"temperature":4.7},"timestamp":$s}]}',
        'outputs.http with this url and data_format = "json". Fields find their place by name or in the profile; a tag '
        "device_id names another device by its foreign id, a tag probe, sensor, door or slot where a value is from.",
    ),
    Way(
        "telegraf-mqtt", "Telegraf, MQTT", "mqtt", "telegraf", ("thermometer", *_BRINGERS),
        "fw/v1/$tenant/$device/telegraf", '{"name":"reefer","tags":{},"fields":{"temperature":4.7},"timestamp":$s}',
        'outputs.mqtt with this topic, qos = 1 and data_format = "json", layout "non-batch" or "batch".',
    ),
    Way(
        "chirpstack", "ChirpStack v4", "mqtt", "chirpstack", _BRINGERS, "fw/v1/$tenant/$device/chirpstack",
        '{"time":"$time","deviceInfo":{"devEui":"70B3D57ED0001234"},"fPort":1,"object":{"temperature":4.7}}',
        "Bridge its application/# below this topic. Devices are known by their DevEUI as foreign id.",
    ),
    Way(
        "tts", "The Things Stack v3", "mqtt", "tts", _BRINGERS, "fw/v1/$tenant/$device/tts",
        '{"end_device_ids":{"dev_eui":"70B3D57ED0001234"},"received_at":"$time","uplink_message":{"f_port":1,'
        '"decoded_payload":{"temperature":4.7}}}',
        "Uplinks of its MQTT server, below this topic. Devices are known by their DevEUI as foreign id.",
    ),
    Way(
        "ruuvi", "Ruuvi Gateway", "mqtt", "ruuvi", _BRINGERS, "fw/v1/$tenant/$device/ruuvi",
        '{"gwts":"$s","ts":"$s","rssi":-70,"data":"0201061BFF99040512FC5394C37C0004FFFC040CAC364200CDCBB8334C884F",'
        '"mac":"CB:B8:33:4C:88:4F"}',
        "In the gateway: MQTT, this topic as prefix. Tags are known by their Bluetooth address as foreign id.",
    ),
    Way(
        "ble", "OpenMQTTGateway, Theengs", "mqtt", "ble", _BRINGERS, "fw/v1/$tenant/$device/ble",
        '{"id":"A4:C1:38:00:11:22","tempc":4.7,"hum":50}',
        "Base topic: this one. Tags (BTHome, Ruuvi and others) are known by their Bluetooth address as foreign id.",
    ),
)  # fmt: skip


def ways_of(kind: str) -> list[Way]:
    """Those that suit a kind of device, the likeliest first.

    >>> [way.name for way in ways_of("shelf")]
    ['native-shelf', 'thingsboard-http', 'thingsboard-mqtt']
    """
    return [way for way in WAYS if kind in way.kinds]
