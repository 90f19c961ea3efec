"""Temperature profiles that everybody has: made for a tenant when one is first wanted."""

from __future__ import annotations

import re
from typing import NamedTuple

import psycopg

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


STANDARD = {
    "chilled": Limits(2.0, 8.0),
    "frozen": Limits(-25.0, -15.0, 1800.0),
    "ambient": Limits(15.0, 25.0, 3600.0),
}
NONE = "none"
PROFILE_NAME = re.compile(rf"(?!{NONE}\Z){NAME.pattern}")
RULE = f"a-z, 0-9, - and _, and not {NONE!r}"
_BY_KIND = {"reefer": "chilled", "thermometer": "chilled"}


def of_new_device(kind: str, named: str | None) -> str | None:
    """The profile of a device that is registered: the named one, none for `none`, else what fits its kind.

    >>> of_new_device("reefer", None), of_new_device("reefer", "none"), of_new_device("tracker", None)
    ('chilled', None, None)
    """
    return None if named == NONE else named or _BY_KIND.get(kind)


def add_profile(connection: psycopg.Connection, tenant_id: int, name: str, limits: Limits) -> None:
    """A temperature profile of a new name; the tracker hears of it.

    Raises:
        RegistryError: the name is taken or none, or the limits contradict each other.
    """
    if not PROFILE_NAME.match(name):
        raise RegistryError(f"profile {name!r}: a name is {RULE}")
    if problem := limits.problem():
        raise RegistryError(problem)
    q, values = queries("registry"), {"tenant": tenant_id, "id": name, **limits._asdict()}
    if connection.execute(q["add_profile"], values).fetchone() is None:
        raise RegistryError(f"profile {name} is there already, nothing was changed: make one of another name")
    connection.execute(q["notify_registry"])
