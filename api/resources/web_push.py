"""What a browser needs to subscribe to web push; its subscription is then the address of a channel."""

from __future__ import annotations

from fastapi import Request
from typing_extensions import TypedDict

from api.http.auth import ChannelKeeper
from api.http.context import context_of
from api.http.jsons import Json
from api.http.problems import Problem
from api.http.routes import resource
from store.secrets import push_public_key

router = resource("/web-push", tags=["channels"])


class PushKey(TypedDict):
    """`public_key`: the installation's, base64url, as `applicationServerKey` of `PushManager.subscribe`."""

    public_key: str


@router.get("", response_model=PushKey)
async def get_push_key(request: Request, caller: ChannelKeeper) -> Json:
    """The key by which push services know this installation; another sealing secret makes another one."""
    del caller
    secret = context_of(request).config.sealing_secret
    if not secret:
        raise Problem(409, "addresses of channels cannot be kept: the operator sets FROSTWAY_SEALING_SECRET first")
    return Json({"public_key": push_public_key(secret)})
