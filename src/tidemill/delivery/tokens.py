"""The tokens by which callers prove to the data plane that an endpoint may answer them."""

import hashlib
import secrets
from datetime import timedelta

import sqlalchemy as sa

from tidemill.core.access import Actor
from tidemill.core.errors import Conflict, InvalidInput, NotFound
from tidemill.core.ids import new_id
from tidemill.core.moments import parse_duration
from tidemill.core.names import check_name, shown
from tidemill.core.nearest import did_you_mean
from tidemill.core.refs import Ref
from tidemill.delivery import endpoints, store
from tidemill.delivery.records import EndpointToken, NewEndpointToken
from tidemill.ledger import Ledger, Transaction

MOST_LIVE = 100
"""Of one endpoint. The data plane compares a request with each of them, so that its time tells nothing."""
_LONGEST_DAYS = 36500


class EndpointTokenExists(Conflict):
    """The endpoint has a token of that name that was not revoked."""

    code = "endpoint_token_exists"


class EndpointTokenNotFound(NotFound):
    """The endpoint has no token of that name or id to revoke."""

    code = "endpoint_token_not_found"


class TooManyEndpointTokens(Conflict):
    """The endpoint has as many tokens as it may have."""

    code = "too_many_endpoint_tokens"


def create(ledger: Ledger, actor: Actor, *, endpoint: str, name: str, expires_in: str | None) -> NewEndpointToken:
    """Make a token and return its secret; see `DeliveryService.create_endpoint_token`.

    One round of SHA-256 is enough for what is kept: nobody can guess 256 random bits.
    """
    check_name(name, "token")
    lifetime = None if expires_in is None else _lifetime(expires_in)
    identifier, secret = new_id(), "tme_" + secrets.token_urlsafe(32)

    def work(tx: Transaction) -> EndpointToken:
        found = endpoints.need(tx.connection, endpoint, hold=True)
        live = [each for each in store.list_endpoint_tokens(tx.connection, endpoint) if each.revoked_at is None]
        if any(each.name == name for each in live):
            raise EndpointTokenExists(
                f"Endpoint {shown(endpoint)} has a token {shown(name)}",
                hint="To change it without a gap, make one of another name, move the callers, then revoke the old one.",
            )
        if sum(each.is_live(tx.now) for each in live) >= MOST_LIVE:
            raise TooManyEndpointTokens(
                f"Endpoint {shown(endpoint)} has {MOST_LIVE} tokens", hint="Revoke those that nobody uses."
            )
        row = {
            "id": identifier,
            "endpoint": endpoint,
            "name": name,
            "hash": hashlib.sha256(secret.encode()).hexdigest(),
            "created_at": tx.now,
            "created_by": tx.actor.name,
            "expires_at": None if lifetime is None else tx.now + lifetime,
            "revoked_at": None,
        }
        tx.execute(sa.insert(store.endpoint_tokens), row)
        store.change_endpoint(tx, found)
        tx.audit("endpoint_token.create", Ref("endpoint", endpoint), token=identifier, name=name)
        return store.need_endpoint_token(tx.connection, identifier)

    return NewEndpointToken(token=ledger.write(actor, work), secret=secret)


def revoke(ledger: Ledger, actor: Actor, *, endpoint: str, name: str) -> EndpointToken:
    """Take a token back in the ledger; see `DeliveryService.revoke_endpoint_token`."""

    def work(tx: Transaction) -> EndpointToken:
        found = endpoints.need(tx.connection, endpoint, hold=True)
        live = [each for each in store.list_endpoint_tokens(tx.connection, endpoint) if each.revoked_at is None]
        token = next((each for each in live if name in {each.name, each.id}), None)
        if token is None:
            hint = did_you_mean(name, [each.name for each in live]) if live else "It has none."
            raise EndpointTokenNotFound(f"Endpoint {shown(endpoint)} has no token {shown(name)} to revoke", hint=hint)
        table = store.endpoint_tokens
        tx.execute(sa.update(table).where(table.c.id == token.id).values(revoked_at=tx.now))
        store.change_endpoint(tx, found)
        tx.audit("endpoint_token.revoke", Ref("endpoint", endpoint), token=token.id, name=token.name)
        return store.need_endpoint_token(tx.connection, token.id)

    return ledger.write(actor, work)


def _lifetime(text: str) -> timedelta:
    lifetime = parse_duration(text)
    if not timedelta(0) < lifetime <= timedelta(days=_LONGEST_DAYS):
        raise InvalidInput(
            f"A token cannot live for {shown(text)}", hint=f"Give more than nothing and up to {_LONGEST_DAYS}d."
        )
    return lifetime
