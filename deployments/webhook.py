"""Addresses that automations call. They are kept in Webhook blocks, because an address may be a secret."""

import os
from urllib.parse import urlsplit
from uuid import UUID

from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.settings import get_current_settings
from prefect.types import SecretDict
from pydantic import SecretStr

from deployments.access import WEBHOOK_VARIABLE, basic_auth
from tasks.common.errors import HindsightError

OWN_API_VARIABLE = "HINDSIGHT_SERVER_API"
"""Where the server reaches its own API, if its clients reach it elsewhere."""
BLOCK_PREFIX = "hindsight-"


class BadWebhook(HindsightError):
    """An address that cannot be called."""


def saved_webhooks() -> dict[str, UUID]:
    """Save the addresses that the environment names; those saved earlier stay.

    Returns:
        Block document of `own-api`, and of `notifications` if its address is set now or was saved earlier.

    Raises:
        BadWebhook: If an address is not an http(s) address. The message does not quote it.
    """
    found = {"own-api": _save("own-api", _own_events(), _authorization(), OWN_API_VARIABLE)}
    if url := os.environ.get(WEBHOOK_VARIABLE):
        return {**found, "notifications": _save("notifications", url, {}, WEBHOOK_VARIABLE)}
    earlier = _saved_earlier("notifications")
    return {**found, "notifications": earlier} if earlier else found


def _save(name: str, url: str, headers: dict[str, str], variable: str) -> UUID:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadWebhook(
            f"{variable} ({len(url)} characters) is not an address that begins with http:// or https://; "
            "set it to the whole address."
        )
    headers = {"Content-Type": "application/json", **headers}
    block = Webhook(url=SecretStr(url), headers=SecretDict(headers))
    saved: UUID = block.save(BLOCK_PREFIX + name, overwrite=True)  # type: ignore[assignment]  # no coroutine: no loop runs
    return saved


def _saved_earlier(name: str) -> UUID | None:
    with get_client(sync_client=True) as client:
        try:
            return client.read_block_document_by_name(BLOCK_PREFIX + name, "webhook").id
        except ObjectNotFound:
            return None


def _own_events() -> str:
    api = os.environ.get(OWN_API_VARIABLE) or get_current_settings().api.url
    if not api:
        raise BadWebhook("PREFECT_API_URL is not set: automations belong to a server; set it to its API, .../api.")
    return f"{api.rstrip('/')}/events"


def _authorization() -> dict[str, str]:
    auth = get_current_settings().api.auth_string
    return basic_auth(auth.get_secret_value() if auth else None)
