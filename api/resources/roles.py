"""The roles there are and what each may do: the table of `domain/permissions.py`, for pages where roles are given."""

from __future__ import annotations

from typing_extensions import TypedDict

from api.http.auth import SignedIn
from api.http.jsons import Json
from api.http.routes import resource
from domain.permissions import ROLES, TABLE, Permission, granted

router = resource("/roles", tags=["people"])


class RoleOut(TypedDict):
    """A role, what it is about, and what it may."""

    role: str
    about: str
    permissions: list[Permission]


class PermissionOut(TypedDict):
    """A permission in words."""

    permission: Permission
    about: str


class RoleTable(TypedDict):
    """Roles and permissions, each in the order they are shown."""

    roles: list[RoleOut]
    permissions: list[PermissionOut]


@router.get("", response_model=RoleTable)
async def list_roles(caller: SignedIn) -> Json:
    """Who may do what."""
    del caller
    roles = [
        {"role": role, "about": about, "permissions": [each for each in Permission if each in granted(role)]}
        for role, about in ROLES.items()
    ]
    permissions = [{"permission": permission, "about": words} for permission, (words, _) in TABLE.items()]
    return Json({"roles": roles, "permissions": permissions})
