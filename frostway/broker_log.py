"""What the broker's log says of devices that it cuts off, which the devices themselves are not told.

Mosquitto ends an MQTT 3.1.1 client at its second denied publish of QoS 1, and at once for a retained one or QoS 2, with
a line that names the client only.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from frostway.broker_acl import device_topics
from ingest.broker_log import CUT_OFF

LOOKED_AT_BYTES = 1_000_000
SHOWN = 3


def cut_off(log_path: Path) -> Counter[str]:
    """How often each user was cut off for what it published, in the newest megabyte of the log; none without a log."""
    try:
        with log_path.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - LOOKED_AT_BYTES))
            text = log.read().decode("utf-8", "replace")
    except OSError:
        return Counter()
    return Counter(found["who"] or found["other"] for found in CUT_OFF.finditer(text))


def explain(found: Counter[str]) -> tuple[str, str]:
    """What happened and how to mend it, a line each.

    >>> explain(Counter({"main/gps-1": 2}))[0]
    'the broker cut off main/gps-1 (2 times) for what it published'
    """
    worst = found.most_common(SHOWN)
    names = ", ".join(f"{user} ({n} times)" for user, n in worst)
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    user = worst[0][0]
    topics = device_topics(user if "/" in user else "TENANT/DEVICE")
    what = f"the broker cut off {names}{more} for what it published"
    mend = "let it publish without retain (also its will), with QoS 0 or 1, on its own topics only: "
    return what, f"{mend}{topics[0]} and so on, see docs/wire-formats.md; MQTT 5 tells a device the reason"
