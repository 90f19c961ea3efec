"""All settings of all programs, in one typed class; every knob has its unit in its name."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from frostway.failure import Failure


def default_data_dir() -> Path:
    """Folder of the embedded stack when none is named: the platform's place for application data."""
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "frostway"


class Settings(BaseSettings):
    """Settings from `FROSTWAY_*` variables, `.env` and `frostway.toml`, in this order of precedence."""

    model_config = SettingsConfigDict(
        env_prefix="FROSTWAY_", env_file=".env", toml_file="frostway.toml", extra="ignore", frozen=True
    )

    database_url: SecretStr = Field(SecretStr(""), description="PostgreSQL address; empty: the embedded stack's")
    mqtt_url: SecretStr = Field(
        SecretStr(""), description="broker address, mqtt:// or mqtts://, with user and password"
    )
    mqtt_ca_file: str = Field(
        "", description="file with the authority behind the broker's certificate, PEM; empty: those the system knows"
    )
    nats_url: str = Field("", description="NATS servers for the log; empty: the log is in PostgreSQL")
    http_host: str = Field("127.0.0.1", description="address the API listens on")
    http_port: int = Field(8080, ge=0, le=65535, description="port the API listens on")
    http_tls_cert: str = Field(
        "", description="certificate with its chain, PEM: the API and the door for devices with HTTP speak https"
    )
    http_tls_key: str = Field("", description="its key, PEM")
    http_loopback_port: int = Field(
        0, ge=0, le=65535, description="port on loopback where the API speaks plain http beside https; 0: none"
    )
    public_origin: str = Field(
        "", description="address users type, https://fleet.example, when a proxy stands in front; several by commas"
    )
    trusted_proxies: str = Field(
        "127.0.0.0/8,::1", description="addresses and networks of proxies whose X-Forwarded-For and -Proto count"
    )
    allowed_hosts: str = Field("", description="further names, without port, by which the API may be asked")
    http_connections_max: int = Field(2000, ge=16, description="connections the API holds at most")
    sockets_per_user_max: int = Field(20, ge=1, description="websockets of one user at most")
    sockets_per_tenant_max: int = Field(500, ge=1, description="websockets of one tenant at most")
    request_rate: float = Field(
        100.0, ge=0, description="requests a second of one account, token, link or address; 0: no limit"
    )
    partitions: int = Field(4, ge=1, le=256, description="partitions of the log; fixed once data are in it")
    admin_password: SecretStr = Field(SecretStr(""), description="password of the user admin; empty: generated")
    oidc_issuer: str = Field("", description="OpenID provider that people sign in with; empty: by password only")
    oidc_client_id: str = Field("", description="the name under which the provider knows this installation")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="its secret there; empty: none, by PKCE alone")
    oidc_client_secret_file: Path | None = Field(None, description="file with that secret, in place of it")
    oidc_name: str = Field("", max_length=40, description="what the button calls the provider; empty: its host")
    oidc_scopes: str = Field("openid email profile", description="what is asked of it")
    oidc_domains: str = Field("", description="only people with verified e-mail addresses of these domains, by commas")
    oidc_role_claim: str = Field("", description="claim that gives the role; empty: who was invited has the role given")
    oidc_roles: str = Field("", description="values of that claim as roles, fleet-admins=admin,drivers=viewer")
    oidc_tenant_claim: str = Field("", description="claim that names the tenant; empty: the first, or the one typed")
    oidc_ca_file: Path | None = Field(None, description="authorities of its certificate beside the system's")
    oidc_only: bool = Field(default=False, description="no passwords, but for the account admin of the first tenant")
    routing_url: str = Field("", description="OSRM or Valhalla; empty: learned fallback")
    map_style: str = Field("", description="MapLibre style URL or PMTiles file; empty: bundled base map")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")
    data_dir: Path = Field(default_factory=default_data_dir, description="folder of the embedded stack")
    sim_credentials: Path | None = Field(None, description="file with the simulator's broker address and passwords")
    demo: bool = Field(default=False, description="the page says that what it shows is simulated")

    ingest_group_messages: int = Field(2000, ge=1, le=20000, description="messages of one group commit at most")
    ingest_linger_ms: float = Field(5.0, ge=0, le=1000, description="wait after a group's first message, ms")
    ingest_spool_mb: int = Field(1024, ge=0, description="kept on disk at most while the database is away, MB; 0: none")
    ingest_device_rate: float = Field(
        100.0, ge=0, description="messages a second of one device; what is beyond waits on disk; 0: no limit"
    )
    ingest_spool_dir: Path | None = Field(None, description="where; default: spool in the data folder")
    teltonika_host: str = Field("127.0.0.1", description="address the door for Teltonika trackers listens on")
    teltonika_port: int = Field(0, ge=0, le=65535, description="its port, TCP and UDP; 0: shut")
    mqtt_client_id: str = Field("", description="name of the session at the broker; empty: the user's name")
    mqtt_share: str = Field(
        "",
        pattern="^[A-Za-z0-9_-]*$",
        description="workers of this name share the messages; empty: one ingest takes all",
    )
    mqtt_leave: bool = Field(
        default=False, description="when stopped, hand the share over, finish, end the session: scaling down"
    )
    device_http_host: str = Field("127.0.0.1", description="address the door for devices with HTTP listens on")
    device_http_port: int = Field(0, ge=0, le=65535, description="its port; 0: shut")
    device_http_open_ids: bool = Field(default=False, description="it takes a registered foreign id without a token")
    devices_mqtt_url: str = Field(
        "", description="where devices find the broker, mqtts://fleet.example:8883; empty: what is known here"
    )
    devices_http_url: str = Field(
        "", description="where devices find the door for HTTP, https://fleet.example; empty: what is known here"
    )
    broker_log: Path | None = Field(
        None, description="Mosquitto's log, from which its refusals are counted and audited"
    )
    mqtt_receiver: str = Field("stream", description="stream (own client) or paho")
    tracker_batch_readings: int = Field(50_000, ge=1, description="readings the tracker commits at once at most")
    position_interval_s_max: float = Field(
        120.0, gt=0, description="after this long without news a vehicle is stale, s"
    )
    silence_s: float = Field(600.0, gt=0, description="a device that has said nothing for this long is silent, s")
    stop_dwell_minutes: float = Field(10.0, ge=0, description="the stay that is expected at a stop, minutes")
    prolonged_stop_minutes: float = Field(
        30.0, ge=0, description="a stay this much longer than expected is a prolonged stop, minutes"
    )
    off_route_m: float = Field(500.0, gt=0, description="further than this from its line a vehicle is off route, m")
    off_route_minutes: float = Field(5.0, ge=0, description="and that is told when it has lasted this long, minutes")
    late_risk: float = Field(
        0.8, gt=0, le=1, description="probability of missing a stop's window from which an alert is raised"
    )
    stock_out_hours: float = Field(
        24.0, gt=0, le=720, description="stock that will likely be out within so long is told, hours"
    )
    stock_expiry_days: float = Field(
        7.0, gt=0, le=365, description="so long before a lot ends what will be left of it is told, days"
    )
    driver_rest: bool = Field(default=False, description="arrival times contain the breaks drivers must take (EU 561)")
    refold_horizon_days: float = Field(30.0, gt=0, description="a reading later than this is kept, not decided, days")
    retention_days: float = Field(3650.0, gt=0, description="readings older than this are dropped, days")
    log_retention_minutes: float = Field(60.0, gt=0, description="processed log frames are kept this long, minutes")
    changes_retention_minutes: float = Field(60.0, gt=0, description="websocket clients may resume for this long")
    webhook_networks: str = Field(
        "",
        description="private networks of webhooks and channels, 10.0.0.0/8,fd00::/8; empty: only the world's",
    )
    sealing_secret: SecretStr = Field(
        SecretStr(""),
        description="secret that seals addresses of channels; empty: no channels",
    )
    webhook_ca_file: Path | None = Field(None, description="authorities of webhooks' certificates beside the system's")
    forward_secret: SecretStr = Field(
        SecretStr(""), description="password or bearer token of where `frostway forward` forwards to"
    )
    metrics_port: int = Field(0, ge=0, le=65535, description="Prometheus port of a program, on loopback; 0: none")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Adds the TOML file as the last source."""
        del file_secret_settings
        return (init_settings, env_settings, dotenv_settings, TomlConfigSettingsSource(settings_cls))


def read_settings() -> Settings:
    """The effective settings.

    Raises:
        Failure: names the setting that cannot be used.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "FROSTWAY_" + "_".join(str(part) for part in first["loc"]).upper()
        raise Failure(f"{name}: {first['msg']}") from error
