"""What `frostway llrp` does."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from pathlib import Path

from domain.names import NAME
from frostway.failure import Failure
from ingest.llrp.bridge import Bridge, Reader
from ingest.llrp.publisher import Publisher
from ingest.mqtt.receiver import Endpoint, ReceiverError, trust
from ingest.spool import Spool, SpoolError


def login_of(file: Path) -> tuple[str, str]:
    """User and password of what `frostway device add` printed.

    Raises:
        Failure: they do not stand there.
    """
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"--login {file}: {getattr(error, 'strerror', None) or 'no text'}") from None
    said = dict(re.findall(r"^(user|password) (\S+)$", text, re.MULTILINE))
    tenant, _, device = said.get("user", "").partition("/")
    if not NAME.match(tenant) or not NAME.match(device) or "password" not in said:
        raise Failure(
            f"--login {file}: the lines `user TENANT/DEVICE` and `password …` are wanted, as "
            "`frostway device add dock-1 --kind rfid --site SITE --zone ZONE > dock-1.login` writes them"
        )
    return said["user"], said["password"]


def bridge(
    reader: Reader,
    broker: str,
    login: Path,
    folder: Path,
    bytes_max: int,
    ca_file: str,
    keepalive_s: float,
    stop: threading.Event,
) -> None:
    """Works until it is stopped. Raises `Failure`: it cannot begin."""
    user, password = login_of(login)
    try:
        endpoint, tls = replace(Endpoint.from_url(broker), user=user, password=password), trust(ca_file)
    except ReceiverError as error:
        raise Failure(f"--broker: {error}".replace("FROSTWAY_MQTT_CA_FILE", "--ca-file")) from None
    spool = Spool(folder, bytes_max)
    try:
        spool.open()
    except SpoolError as error:
        raise Failure(f"--spool: {error}") from None
    publisher = Publisher(spool, endpoint, tls, stop)
    beside = threading.Thread(target=publisher.run, name="publisher", daemon=True)
    beside.start()
    try:
        Bridge(reader, f"fw/v1/{user}", spool, stop, keepalive_s).run()
    finally:
        stop.set()
        beside.join()
        spool.close()
