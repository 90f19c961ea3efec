"""Where devices find this installation, as pages tell it: what is set, what `up --lan` opened, what listens here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from api.http.ways import Ways
from frostway.settings import Settings


def ways(settings: Settings) -> Ways:
    """The addresses as they are now; `run.json` of the data folder says what the supervisor opened."""
    run = _run(settings.data_dir)
    network: Mapping[str, Any] = run.get("network") or {}
    private, fingerprint = _authority(settings) if network else ("", "")
    return Ways(
        mqtt=_mqtt(settings, network),
        http=_http(settings, network),
        teltonika=_teltonika(settings, network),
        authority=private,
        authority_sha256=fingerprint,
    )


def _run(folder: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        found = json.loads((folder / "run.json").read_text("utf-8"))
        if isinstance(found, dict):
            return found
    return {}


def _mqtt(settings: Settings, network: Mapping[str, Any]) -> tuple[str, ...]:
    if settings.devices_mqtt_url:
        return (_bare(settings.devices_mqtt_url),)
    own = settings.mqtt_url.get_secret_value()
    return (*network.get("mqtt", ()), *((_bare(own),) if own else ()))


def _http(settings: Settings, network: Mapping[str, Any]) -> tuple[str, ...]:
    if settings.devices_http_url:
        return (settings.devices_http_url.rstrip("/"),)
    if network.get("door"):
        return tuple(network["door"])
    if not settings.device_http_port:
        return ()
    scheme = "https" if settings.http_tls_cert else "http"
    return (f"{scheme}://{_in_url(settings.device_http_host)}:{settings.device_http_port}",)


def _teltonika(settings: Settings, network: Mapping[str, Any]) -> str:
    if not settings.teltonika_port:
        return ""
    host = settings.teltonika_host
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        named = [urlsplit(address).hostname or "" for address in network.get("mqtt", ())]
        host = next(iter(named), host)
    return f"{_in_url(host)}:{settings.teltonika_port}"


def _authority(settings: Settings) -> tuple[str, str]:
    """Certificate (PEM) and fingerprint of our own authority, when what is served with is from it."""
    from cryptography.x509 import load_pem_x509_certificate  # noqa: PLC0415

    from frostway.certificates import fingerprint  # noqa: PLC0415

    folder = settings.data_dir / "tls"
    if settings.http_tls_cert and Path(settings.http_tls_cert).name != "server.pem":
        return "", ""
    with suppress(OSError, ValueError):
        pem = (folder / "ca.pem").read_text("ascii")
        return pem, fingerprint(load_pem_x509_certificate(pem.encode("ascii")))
    return "", ""


def _bare(address: str) -> str:
    """An address without its login.

    >>> _bare("mqtts://ingest:secret@broker.example:8883")
    'mqtts://broker.example:8883'
    """
    found = urlsplit(address)
    return f"{found.scheme}://{found.netloc.rpartition('@')[2]}"


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
