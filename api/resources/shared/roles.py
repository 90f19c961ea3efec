"""A role as a request names it."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from domain.permissions import ROLES


def _role(text: str) -> str:
    if text not in ROLES:
        raise ValueError(f"a role is one of {', '.join(ROLES)}")
    return text


Role = Annotated[str, AfterValidator(_role), Field(json_schema_extra={"enum": list(ROLES)})]
