"""Temperature profiles ready to be taken, each with the source of its numbers.

Standards were read through secondary pages only: `source` names them, and what is Frostway's own choice is called so.
Whoever takes one answers for it: compare it with the edition that holds for you.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from domain.cold_chain.profile import Band, Mkt, TemperatureProfile

MINUTE_S, HOUR_S, DAY_S = 60.0, 3600.0, 86_400.0
_OWN = "Frostway's own choice, no standard"
_SECONDARY = "; secondary pages, compare with the text itself"
_CCT = f"USP <1079.2> and <659>, controlled cold temperature, as told by naplexstudy.com and eupry.com{_SECONDARY}"
_CRT = (
    "USP <1079.2> and <659>, controlled room temperature, as told by gmp-compliance.org, eupry.com and "
    f"ask.pharmaguideline.com{_SECONDARY}"
)
_USP_EDITION = "official since 1 December 2020"
_WHO = f"WHO PQS E006/TR07, as told by the LogTag USRID-16 manual and WHO's guide to the Q-tag{_SECONDARY}"


@dataclass(frozen=True, slots=True)
class ReadyMade:
    """A profile to be taken."""

    key: str
    title: str
    profile: TemperatureProfile


_PHARMA_COLD = TemperatureProfile(
    2.0,
    8.0,
    (
        Band("warm", ">", 8.0, 10 * MINUTE_S, severity="warning"),
        Band("excursion too long", ">", 8.0, DAY_S),
        Band("beyond excursion", ">", 15.0, 0.0),
        Band("cold", "<", 2.0, 0.0),
    ),
    source=_CCT + "; the warning after 10 minutes is Frostway's own",
    edition=_USP_EDITION,
)
_PHARMA_ROOM = TemperatureProfile(
    20.0,
    25.0,
    (
        Band("warm", ">", 25.0, HOUR_S, severity="warning"),
        Band("spike too long", ">", 30.0, DAY_S),
        Band("beyond spike", ">", 40.0, 0.0),
        Band("cool", "<", 20.0, HOUR_S, severity="warning"),
        Band("cold", "<", 15.0, 0.0),
    ),
    source=_CRT + "; the warnings after an hour are Frostway's own",
    edition=_USP_EDITION,
)
_HOT = Band("hot", ">=", 45.0, HOUR_S, clear_c=0.0)
_WARM = Band("warm", ">=", 30.0, 10 * HOUR_S, mode="cumulative", reset="shipment", clear_c=0.0)
_FREEZING = Band("freezing", "<=", -0.5, HOUR_S, clear_c=0.0)
_MILD = Band("above refrigeration", ">=", 10.0, 20 * HOUR_S, mode="cumulative", reset="shipment", clear_c=0.0)

_ALL = (
    ReadyMade(
        "chilled-food",
        "Chilled food",
        TemperatureProfile(
            0.0,
            5.0,
            (
                Band("warm", ">", 5.0, 30 * MINUTE_S, severity="warning"),
                Band("too warm", ">", 8.0, 10 * MINUTE_S),
                Band("frost", "<", 0.0, 30 * MINUTE_S, severity="warning"),
            ),
            source=_OWN,
        ),
    ),
    ReadyMade(
        "frozen-food",
        "Frozen food",
        TemperatureProfile(
            None,
            -18.0,
            (
                Band("soft", ">", -18.0, HOUR_S, severity="warning"),
                Band("thawing", ">", -15.0, 30 * MINUTE_S),
            ),
            source=_OWN,
        ),
    ),
    ReadyMade("pharma-2-8", "Medicines, 2 to 8 °C", _PHARMA_COLD),
    ReadyMade(
        "pharma-2-8-mkt",
        "Medicines, 2 to 8 °C, with mean kinetic temperature",
        replace(_PHARMA_COLD, mkt=Mkt(8.0, DAY_S)),
    ),
    ReadyMade("crt-20-25", "Medicines at room temperature, 20 to 25 °C", _PHARMA_ROOM),
    ReadyMade(
        "crt-20-25-mkt",
        "Medicines at room temperature, 20 to 25 °C, with mean kinetic temperature",
        replace(_PHARMA_ROOM, mkt=Mkt(25.0, 30 * DAY_S)),
    ),
    ReadyMade(
        "who-shipping-type-1",
        "WHO shipping indicator, type 1",
        TemperatureProfile(bands=(_HOT, _WARM, _FREEZING), source=_WHO, edition="E006/TR07 type 1"),
    ),
    ReadyMade(
        "who-shipping-type-2",
        "WHO shipping indicator, type 2",
        TemperatureProfile(bands=(_HOT, _WARM, _MILD), source=_WHO, edition="E006/TR07 type 2"),
    ),
    ReadyMade(
        "who-refrigerator-30-day",
        "WHO 30-day refrigerator logger",
        TemperatureProfile(
            bands=(Band("heat", ">", 8.0, 10 * HOUR_S, clear_c=0.0), _FREEZING),
            source=f"WHO PQS 30-day refrigerator temperature logger, as told by the technet-21.org forum{_SECONDARY}",
            edition="not told",
        ),
    ),
)
READY_MADE: Mapping[str, ReadyMade] = MappingProxyType({each.key: each for each in _ALL})
"""By key, in the order in which they are offered."""
