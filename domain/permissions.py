"""Who may do what: the one table that the API, the pages' navigation, the command line and the documentation read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

ADMIN = "admin"
ROLES: Mapping[str, str] = {
    ADMIN: "everything",
    "dispatcher": "vehicles on the road, shipments, alerts",
    "coldchain": "temperatures and their alerts",
    "storekeeper": "what lies on the shelves",
    "planner": "what is to be moved and kept",
    "service": "what customers ask about",
    "viewer": "looks on",
}
"""Roles in the order they are shown, and what each is about."""
ALSO = {"cold-chain": "coldchain", "warehouse": "storekeeper", "customer-service": "service"}
"""Other words for a role, where one is typed."""


class Permission(StrEnum):
    """What a request may need. `admin` has all of them, others those that `TABLE` gives to their role."""

    READ = "read"
    ALERTS = "alerts.handle"
    DISPOSE = "alerts.dispose"
    SHIPMENTS = "shipments.write"
    LINKS = "links.write"
    DRIVERS = "drivers.write"
    VEHICLES = "vehicles.write"
    SITES = "sites.write"
    PRODUCTS = "products.write"
    PROFILES = "profiles.write"
    GOODS = "goods.write"
    STOCK = "stock.write"
    ORDERS = "orders.write"
    ORDER_STEPS = "orders.work"
    PURCHASES = "purchases.write"
    DEVICES = "devices.write"
    COMMANDS = "devices.command"
    LOGGERS = "loggers.import"
    MESSAGES = "messages.mend"
    TOKENS = "tokens.write"
    PEOPLE = "people.write"
    WEBHOOKS = "webhooks.write"
    CHANNELS = "channels.write"
    DISPLAY = "display.write"
    AUDIT = "audit.read"
    DEMO = "demo.run"


TABLE: Mapping[Permission, tuple[str, frozenset[str]]] = {
    permission: (words, frozenset(roles.split()) | {ADMIN})
    for permission, words, roles in (
        (Permission.READ, "see vehicles, sites, shipments, alerts, stock, readings and reports", " ".join(ROLES)),
        (
            Permission.ALERTS,
            "acknowledge, assign and resolve alerts, write to them",
            "dispatcher coldchain storekeeper planner",
        ),
        (Permission.DISPOSE, "decide what becomes of goods after an excursion, and sign it", "coldchain"),
        (Permission.SHIPMENTS, "plan shipments", "dispatcher planner"),
        (Permission.LINKS, "make and revoke customers' links", "dispatcher service"),
        (Permission.DRIVERS, "keep drivers, say who drives what", "dispatcher"),
        (Permission.VEHICLES, "make, change and remove vehicles, put them into fleets", ""),
        (Permission.SITES, "make, change and remove sites and zones", ""),
        (Permission.PRODUCTS, "make, change and remove products and what a slot holds", "storekeeper planner"),
        (Permission.PROFILES, "make, change and remove temperature profiles", "coldchain"),
        (Permission.GOODS, "make lots, say what was done with handling units", "coldchain storekeeper"),
        (Permission.STOCK, "move, correct, count and reserve stock, keep bins and packaging", "storekeeper planner"),
        (Permission.ORDERS, "take in, change, allocate and cancel orders, keep customers", "planner service"),
        (Permission.ORDER_STEPS, "pick, pack, load and deliver orders", "storekeeper dispatcher planner service"),
        (Permission.PURCHASES, "keep suppliers and their terms, order from them", "planner"),
        (Permission.DEVICES, "make, change, move and revoke devices", ""),
        (Permission.COMMANDS, "send commands to devices and see what they answered", ""),
        (Permission.LOGGERS, "bring in the files of temperature loggers", "dispatcher coldchain"),
        (Permission.MESSAGES, "see refused messages and strangers, mend and send them again", ""),
        (Permission.TOKENS, "make, see and revoke tokens of programs", ""),
        (Permission.PEOPLE, "invite people, give them roles, shut them out", ""),
        (Permission.WEBHOOKS, "make, see, change and try webhooks and brokers of other systems", ""),
        (Permission.CHANNELS, "make, see, change and try channels by which people are told", ""),
        (Permission.DISPLAY, "set units, time zone and language that the pages have for everybody", ""),
        (Permission.AUDIT, "see who did what, and the chain that holds it", "coldchain"),
        (Permission.DEMO, "add and remove the simulated fleet", ""),
    )
}
"""Each permission in words, and the roles that have it."""


def granted(role: str, scope: Iterable[str] | None = None) -> frozenset[Permission]:
    """What a role may do; a token with a scope only what stands in it too.

    >>> sorted(map(str, granted("service"))), sorted(map(str, granted("admin", ["read", "alerts.handle", "gone"])))
    (['links.write', 'orders.work', 'orders.write', 'read'], ['alerts.handle', 'read'])
    """
    found = frozenset(permission for permission, (_, roles) in TABLE.items() if role in roles)
    return found if scope is None else found.intersection(scope)


def role_of(word: str) -> str | None:
    """The role that a word means; None: there is none.

    >>> role_of("warehouse"), role_of("viewer"), role_of("root")
    ('storekeeper', 'viewer', None)
    """
    found = ALSO.get(word, word)
    return found if found in ROLES else None


def roles_with(permission: Permission) -> list[str]:
    """The roles that may, in the order they are shown."""
    return [role for role in ROLES if role in TABLE[permission][1]]


def as_table() -> str:
    """The table in Markdown, as the documentation has it."""
    head = f"| may | {' | '.join(f'`{role}`' for role in ROLES)} |"
    lines = [head, "|---" * (len(ROLES) + 1) + "|"]
    for permission, (words, roles) in TABLE.items():
        marks = " | ".join("✓" if role in roles else "" for role in ROLES)
        lines.append(f"| {words} (`{permission}`) | {marks} |")
    return "\n".join(lines) + "\n"
