"""People of a tenant: who they are, what role they have, and the links by which they choose a password."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Request
from pydantic import AfterValidator, ConfigDict, Field
from starlette.responses import Response
from typing_extensions import TypedDict

from api.database import Row, Session
from api.http.audit import audit
from api.http.auth import PeopleKeeper
from api.http.caller import Caller
from api.http.context import Context, context_of
from api.http.inputs import Strict, printable
from api.http.jsons import Json, when
from api.http.links import link_to
from api.http.paging import Cursor, Items, Limit, decode, shaped_page
from api.http.problems import Problem, not_found
from api.http.routes import resource
from api.http.things import one
from api.resources.shared.roles import Role
from domain.names import ACCOUNT_PATTERN
from store.db import queries
from store.people import INVITATION_LIFE
from store.secrets import new_token, token_hash

router = resource("/accounts", tags=["people"])
LIVE = {"signed_in_at", "has_password", "has_identity", "invited_until"}
"""What changes by itself."""

LAST_ADMIN = "this is the last admin who can sign in: make another one first"


AccountName = Annotated[str, Field(pattern=ACCOUNT_PATTERN, max_length=128)]
Email = Annotated[str, AfterValidator(printable), Field(pattern=r"^[^@\s]+@[^@\s]+$", min_length=3, max_length=254)]


class Account(TypedDict):
    """A person. `invited_until`: a link to choose a password is good until then; `signed_in_at`: the last time.

    `has_identity`: has signed in with the provider.
    """

    name: str
    role: str
    email: str | None
    created_at: str
    signed_in_at: str | None
    disabled_at: str | None
    has_password: bool
    has_identity: bool
    invited_until: str | None


class Invitation(TypedDict):
    """A link by which a person chooses a password, once. It is told once: only its hash is kept."""

    url: str
    expires_at: str


class Invited(TypedDict):
    """A new person, and the link to hand over."""

    account: Account
    invitation: Invitation


class AccountIn(Strict):
    """A new person, who chooses a password by a link."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "ann", "role": "dispatcher"}]})

    name: AccountName
    role: Role
    email: Email | None = None


class AccountChangeIn(Strict):
    """What is to be different; what is not named stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "viewer", "disabled": True}]})

    role: Role | None = None
    email: Email | None = None
    disabled: bool | None = None


def _shape(row: dict[str, Any]) -> Account:
    return {
        "name": row["name"],
        "role": row["role"],
        "email": row["email"],
        "created_at": when(row["created_at"]) or "",
        "signed_in_at": when(row["signed_in_at"]),
        "disabled_at": when(row["disabled_at"]),
        "has_password": row["has_password"],
        "has_identity": row["has_identity"],
        "invited_until": when(row["invited_until"]),
    }


async def _account(session: Session, name: str) -> Row:
    row = await session.row(queries("people")["accounts"], after="", name=name, limit=1)
    if row is None:
        raise not_found()
    return row


@router.get("", response_model=Items[Account])
async def list_accounts(request: Request, caller: PeopleKeeper, limit: Limit = 200, cursor: Cursor = None) -> Json:
    """People by name, also those who are invited, or shut out."""
    after = decode(cursor, (str,))[0] if cursor else ""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        found = await session.rows(queries("people")["accounts"], after=after, name=None, limit=limit + 1)
    return shaped_page(request, found, limit, lambda a: [a["name"]], _shape)


@router.get("/{account_name}", response_model=Account)
async def get_account(request: Request, caller: PeopleKeeper, account_name: str) -> Json:
    """One person."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        row = await _account(session, account_name)
    return one(request, _shape(row), live=LIVE)


@router.post("", response_model=Invited, status_code=201)
async def post_account(request: Request, caller: PeopleKeeper, given: AccountIn) -> Json:
    """A new person, and the link by which they choose a password: hand it over, it is told once."""
    context = context_of(request)
    async with context.database.tenant(caller.tenant_id) as session:
        values = {"name": given.name, "role": given.role, "email": given.email}
        if await session.row(queries("people")["add_account"], **values) is None:
            raise Problem(409, f"name: there is a {given.name} already")
        await audit(session, caller, "account.create", given.name, role=given.role)
        invitation = await _invite(session, context, caller, given.name)
        row = await _account(session, given.name)
    return Json({"account": _shape(row), "invitation": invitation}, 201)


@router.patch("/{account_name}", response_model=Account)
async def change_account(request: Request, caller: PeopleKeeper, account_name: str, given: AccountChangeIn) -> Json:
    """Another role, at once also where they are signed in; shut out, which ends their sessions; or let in again."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        old = await _account(session, account_name)
        values = {
            "name": account_name,
            "role": given.role or old["role"],
            "email": given.email if "email" in given.model_fields_set else old["email"],
            "disabled": (old["disabled_at"] is not None) if given.disabled is None else given.disabled,
        }
        await _done(session, "change_account", **values)
        was = {"role": old["role"], "email": old["email"], "disabled": old["disabled_at"] is not None}
        changed = {key: [was[key], values[key]] for key in was if was[key] != values[key]}
        if changed:
            await audit(session, caller, "account.change", account_name, **changed)
        row = await _account(session, account_name)
    return one(request, _shape(row), live=LIVE)


@router.delete("/{account_name}", status_code=204)
async def delete_account(request: Request, caller: PeopleKeeper, account_name: str) -> Response:
    """The person is gone, with all sessions and links; the audit trail keeps the name."""
    async with context_of(request).database.tenant(caller.tenant_id) as session:
        await _done(session, "remove_account", name=account_name)
        await audit(session, caller, "account.remove", account_name)
    return Response(status_code=204)


@router.post("/{account_name}/invitation", response_model=Invitation, status_code=201)
async def post_invitation(request: Request, caller: PeopleKeeper, account_name: str) -> Json:
    """A new link to choose a password, for who was invited or has forgotten it; earlier ones open nothing more."""
    context = context_of(request)
    async with context.database.tenant(caller.tenant_id) as session:
        row = await _account(session, account_name)
        if row["disabled_at"] is not None:
            raise Problem(409, f"{account_name} is shut out: let them in again first")
        found = await _invite(session, context, caller, account_name)
    return Json(found, 201)


async def _done(session: Session, query: str, **values: Any) -> None:
    row = await session.row(queries("people")[query], **values)
    outcome = row["outcome"] if row else "none"
    if outcome == "last admin":
        raise Problem(409, LAST_ADMIN)
    if outcome != "done":
        raise not_found()


async def _invite(session: Session, context: Context, caller: Caller, name: str) -> Invitation:
    token, expires_at = new_token(), datetime.now(UTC) + INVITATION_LIFE
    values = {"name": name, "token_sha256": token_hash(token), "actor": caller.user, "expires_at": expires_at}
    if await session.row(queries("people")["invite"], **values) is None:
        raise not_found()
    await audit(session, caller, "account.invite", name, expires_at=expires_at)
    return {"url": link_to(context, f"/join#{token}"), "expires_at": when(expires_at) or ""}
