"""Temperature profiles: those that everybody has, made when first wanted, and how one is kept with its versions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import orjson
import psycopg

from domain.cold_chain.parsing import body_of, profile_of, short_of
from domain.cold_chain.profile import TemperatureProfile, plain
from domain.names import NAME
from store.db import queries
from store.tenants import RegistryError


class Limits(NamedTuple):
    """Degrees Celsius, None: no limit; seconds in the condition before the alarm, and between readings at most."""

    low_c: float | None
    high_c: float | None
    for_s: float = 600.0
    hysteresis_c: float = 0.3
    max_interval_s: float = 900.0

    def problem(self) -> str | None:
        """What is wrong with them, if anything.

        >>> Limits(8, 2).problem(), Limits(None, None).problem(), Limits(2, None).problem()
        ('low_c: not below high_c', 'low_c, high_c: at least one of them', None)
        """
        if self.low_c is None and self.high_c is None:
            return "low_c, high_c: at least one of them"
        if not all(-273.15 <= limit <= 1000 for limit in (self.low_c, self.high_c) if limit is not None):
            return "low_c, high_c: between -273.15 and 1000 °C"
        if self.low_c is not None and self.high_c is not None and self.low_c >= self.high_c:
            return "low_c: not below high_c"
        return None

    @property
    def profile(self) -> TemperatureProfile:
        """A band above, one below."""
        return plain(*self)


STANDARD = {
    "chilled": Limits(2.0, 8.0),
    "frozen": Limits(-25.0, -15.0, 1800.0),
    "ambient": Limits(15.0, 25.0, 3600.0),
}
NONE, READY_MADE_PATH = "none", "ready-made"
RESERVED = (NONE, READY_MADE_PATH)
PROFILE_NAME = re.compile(rf"(?!(?:{'|'.join(RESERVED)})\Z){NAME.pattern}")
RULE = f"a-z, 0-9, - and _, and not {' or '.join(map(repr, RESERVED))}"
_BY_KIND = {"reefer": "chilled", "thermometer": "chilled"}


def of_new_device(kind: str, named: str | None) -> str | None:
    """The profile of a device that is registered: the named one, none for `none`, else what fits its kind.

    >>> of_new_device("reefer", None), of_new_device("reefer", "none"), of_new_device("tracker", None)
    ('chilled', None, None)
    """
    return None if named == NONE else named or _BY_KIND.get(kind)


def version_values(
    profile: TemperatureProfile, by: str, *, valid_from: datetime | None = None, note: str = ""
) -> dict[str, Any]:
    """What `add_profile_version` wants besides the tenant and the profile's key."""
    body = orjson.dumps(body_of(profile)).decode()
    return {"body": body, "by": by, "note": note, "valid_from": valid_from, **short_of(profile)._asdict()}


def read_version(body: str) -> TemperatureProfile:
    """A profile as it is kept."""
    return profile_of(orjson.loads(body))


def key_of(connection: psycopg.Connection, tenant_id: int, name: str) -> int:
    """A profile, locked until the transaction ends.

    Raises:
        RegistryError: there is none of this name.
    """
    row = connection.execute(queries("registry")["lock_profile"], {"tenant": tenant_id, "name": name}).fetchone()
    if row is None:
        raise RegistryError(f"no temperature profile {name!r}: `frostway profile list` shows them")
    return int(row[0])


def add_version(connection: psycopg.Connection, tenant_id: int, key: int, values: Mapping[str, Any]) -> int | None:
    """The number of the next version (`version_values`) of a locked profile; None: it says what the newest says."""
    q = queries("registry")
    try:
        row = connection.execute(q["add_profile_version"], {"tenant": tenant_id, "profile": key, **values}).fetchone()
    except psycopg.errors.RestrictViolation as error:
        raise RegistryError(error.diag.message_primary or "it is retired") from None
    if row is None:
        return None
    connection.execute(q["notify_registry"])
    return int(row[0])


def add_profile(
    connection: psycopg.Connection, tenant_id: int, name: str, profile: TemperatureProfile, by: str
) -> None:
    """A temperature profile of a new name; the tracker hears of it.

    Raises:
        RegistryError: the name is taken or none.
    """
    if not PROFILE_NAME.match(name):
        raise RegistryError(f"profile {name!r}: a name is {RULE}")
    row = connection.execute(queries("registry")["add_profile"], {"tenant": tenant_id, "name": name}).fetchone()
    if row is None:
        raise RegistryError(f"profile {name} is there already, nothing was changed: make one of another name")
    add_version(connection, tenant_id, int(row[0]), version_values(profile, by))
