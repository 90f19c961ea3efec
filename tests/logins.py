"""The logins of the programs, so that tests of a program run with its rights and no others."""

from psycopg.conninfo import make_conninfo


def of_api(dsn: str) -> str:
    return make_conninfo(dsn, user="frostway_web")


def of_ingest(dsn: str) -> str:
    return make_conninfo(dsn, user="frostway_ingest")


def of_tracker(dsn: str) -> str:
    return make_conninfo(dsn, user="frostway_tracker")


def of_operations(dsn: str) -> str:
    return make_conninfo(dsn, user="frostway_operations")
