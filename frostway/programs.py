"""The programs that run for months: each makes its configuration of the settings, and works until it is told to stop.

What a command line needs is imported by none of them.
"""

from __future__ import annotations

import gc
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from frostway.failure import Failure

if TYPE_CHECKING:
    from frostway.settings import Settings


def start_logging(settings: Settings) -> None:
    """Log lines go to stderr, with the level of the settings."""
    logging.basicConfig(
        level=settings.log_level.upper(), stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )


@contextmanager
def loading() -> Iterator[None]:
    """Nobody looks for garbage while modules are loaded, nor later among what they brought: it stays to the end."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def stop_event() -> threading.Event:
    """Set once somebody asks the program to stop."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def https_pair(settings: Settings) -> tuple[str, str] | None:
    """The files of certificate and key to speak https with; None: plain.

    Raises:
        Failure: they cannot be used; says how to mend it.
    """
    certificate, key = settings.http_tls_cert, settings.http_tls_key
    if not certificate and not key:
        return None
    if not certificate or not key:
        raise Failure("FROSTWAY_HTTP_TLS_CERT and FROSTWAY_HTTP_TLS_KEY go together: set both, or none")
    from frostway.certificates import CertificateError, given, utc_now  # noqa: PLC0415

    try:
        given(Path(certificate), Path(key), utc_now())
    except CertificateError as error:
        raise Failure(str(error)) from error
    return certificate, key


def ingest(settings: Settings) -> None:
    """Takes readings from the broker into the log.

    Raises:
        Failure: it cannot start, or not go on.
    """
    from ingest.background import PartError  # noqa: PLC0415
    from ingest.mqtt.receiver import ReceiverError  # noqa: PLC0415
    from ingest.service import IngestConfig, run  # noqa: PLC0415
    from ingest.spool import SpoolError  # noqa: PLC0415

    config = IngestConfig(
        database_url=settings.database_url.get_secret_value(),
        mqtt_url=settings.mqtt_url.get_secret_value(),
        mqtt_ca_file=settings.mqtt_ca_file,
        partitions=settings.partitions,
        group_messages=settings.ingest_group_messages,
        linger_s=settings.ingest_linger_ms / 1000,
        receiver=settings.mqtt_receiver,
        client_id=settings.mqtt_client_id,
        share=settings.mqtt_share,
        leave=settings.mqtt_leave,
        retention_days=settings.retention_days,
        metrics_port=settings.metrics_port,
        spool_dir=(settings.ingest_spool_dir or settings.data_dir / "spool") if settings.ingest_spool_mb else None,
        device_rate_per_s=settings.ingest_device_rate,
        spool_bytes=settings.ingest_spool_mb << 20,
        teltonika_host=settings.teltonika_host,
        teltonika_port=settings.teltonika_port,
        trusted_proxies=settings.trusted_proxies,
        device_http_host=settings.device_http_host,
        device_http_port=settings.device_http_port,
        device_http_open_ids=settings.device_http_open_ids,
        device_http_certificate=https_pair(settings) if settings.device_http_port else None,
        broker_log=settings.broker_log,
    )
    try:
        run(config, stop_event())
    except (ReceiverError, SpoolError, PartError) as error:
        raise Failure(str(error)) from error


def tracker(settings: Settings) -> None:
    """Turns the log into positions, visits, alarms, arrival times and stock."""
    from tracker.service import TrackerConfig, run  # noqa: PLC0415

    run(
        TrackerConfig(
            database_url=settings.database_url.get_secret_value(),
            partitions=settings.partitions,
            batch_readings=settings.tracker_batch_readings,
            silence_s=settings.silence_s,
            refold_horizon_days=settings.refold_horizon_days,
            metrics_port=settings.metrics_port,
            stop_dwell_minutes=settings.stop_dwell_minutes,
            prolonged_stop_minutes=settings.prolonged_stop_minutes,
            off_route_m=settings.off_route_m,
            off_route_minutes=settings.off_route_minutes,
            late_risk=settings.late_risk,
            driver_rest=settings.driver_rest,
            routing_url=settings.routing_url,
        ),
        stop_event(),
    )


def operations(settings: Settings) -> None:
    """Follows what the tracker decides, and does the jobs of the house."""
    from operations.deliver.address import networks  # noqa: PLC0415
    from operations.jobs import Periodic  # noqa: PLC0415
    from operations.retention import Keep  # noqa: PLC0415
    from operations.service import OperationsConfig, run  # noqa: PLC0415
    from operations.stock_alerts.decide import Rules  # noqa: PLC0415
    from planning.advice.work import AT, advise_at_night  # noqa: PLC0415
    from planning.demand import start  # noqa: PLC0415

    keep = Keep(
        retention_days=settings.retention_days,
        log_retention_minutes=settings.log_retention_minutes,
        changes_retention_minutes=settings.changes_retention_minutes,
        refold_horizon_days=settings.refold_horizon_days,
    )
    url = settings.database_url.get_secret_value()
    config = OperationsConfig(
        url,
        settings.metrics_port,
        keep,
        networks(settings.webhook_networks),
        str(settings.webhook_ca_file or ""),
        settings.sealing_secret.get_secret_value(),
        Rules(settings.stock_out_hours * 3_600, settings.stock_expiry_days * 86_400),
        (
            Periodic("advice", AT, advise_at_night),
            Periodic("forecasts", start.AT, lambda link, now: start.start_due(link, url, now)),
        ),
    )
    run(config, stop_event())


PROGRAMS: Mapping[str, Callable[[Settings], None]] = MappingProxyType(
    {"ingest": ingest, "tracker": tracker, "operations": operations}
)


def run_program(name: str) -> None:
    """Runs one of `PROGRAMS` with the settings of its surroundings."""
    from frostway.resolved import resolve  # noqa: PLC0415

    settings = resolve()
    start_logging(settings)
    PROGRAMS[name](settings)
