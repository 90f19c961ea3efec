"""What a device is registered with, and what its registration may be refused for."""

from __future__ import annotations

from dataclasses import dataclass

from store.tenants import RegistryError

FOREIGN_ID_TAKEN = (
    "a device of another tenant has it, and speaks for itself; name the gateway that brings this one's messages, "
    "or ask the operator if the device is yours"
)


class ForeignIdTakenError(RegistryError):
    """A device of another tenant has the foreign id; it would be silenced."""

    def __init__(self, external_id: str) -> None:
        super().__init__(f"foreign id {external_id!r}: {FOREIGN_ID_TAKEN}")
        self.external_id = external_id


@dataclass(frozen=True)
class DeviceSpec:
    """A device and where it is: on a vehicle, or at a site (and zone), or nowhere yet."""

    name: str
    kind: str
    vehicle: str | None = None
    site: str | None = None
    zone: str | None = None
    profile: str | None = None
    foreign_id: str | None = None
    """Under which a gateway brings its messages."""
    gateway: str | None = None
    """The only device that may; none: any gateway or connector of the tenant."""
    at: tuple[float, float] | None = None
    """Latitude and longitude of a site that is new."""


class DeviceExistsError(RegistryError):
    """A device of this name is there: adding it again changes nothing of it."""

    def __init__(self, name: str, *, is_revoked: bool) -> None:
        super().__init__(
            f"device {name!r} is retired, nothing was changed: "
            f"`frostway device restore {name}` lets it in again with a new password"
            if is_revoked
            else f"device {name!r} is there already, nothing was changed: `frostway device rotate {name}` gives it "
            f"a new password, with --http a new token; `device move` and `device change` do the rest"
        )
