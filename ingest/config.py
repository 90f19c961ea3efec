"""The settings of the ingest program."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class IngestConfig:
    """Settings of the ingest program."""

    database_url: str
    mqtt_url: str
    mqtt_ca_file: str = ""  # the authority to trust; empty: those the system knows
    partitions: int = 4
    group_messages: int = 2000
    linger_s: float = 0.005
    receiver: str = "stream"
    client_id: str = ""  # the broker's name for our session; empty: the user's name
    share: str = ""  # workers of one name share the messages; each needs its own client id
    leave: bool = False  # at the end: hand the share to others, finish what is ours, end the session
    retention_days: float = 3650.0
    metrics_port: int = 0
    spool_dir: Path | None = None  # None: nothing is kept on disk, the broker keeps it
    spool_bytes: int = 1024 * 1024 * 1024
    device_rate_per_s: float = 0.0  # messages; 0: no limit
    teltonika_host: str = "127.0.0.1"
    teltonika_port: int = 0  # 0: this door is shut
    trusted_proxies: str = "127.0.0.0/8,::1"  # whose word the door for HTTP takes about who is calling
    device_http_host: str = "127.0.0.1"
    device_http_port: int = 0  # 0: this door is shut
    device_http_open_ids: bool = False
    device_http_certificate: tuple[str, str] | None = None  # files of it and its key: https
    broker_log: Path | None = None  # Mosquitto's; whom it refuses is counted and audited
