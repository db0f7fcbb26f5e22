"""Endpoints: their settings, their deployments, their tokens."""

from collections.abc import Callable

from tidemill.core.access import Actor
from tidemill.core.names import check_name, check_text
from tidemill.delivery import endpoints, store, tokens
from tidemill.delivery.records import Deployment, Endpoint, EndpointToken, NewEndpointToken
from tidemill.delivery.service.place import most
from tidemill.ledger import Ledger

LONGEST_COLUMN = 500


class EndpointVerbs:
    """The verbs of endpoints; what they work on is set by the service."""

    _ledger: Ledger
    reconcile: Callable[[], None]

    def create_endpoint(
        self,
        actor: Actor,
        *,
        name: str,
        time: str | None = None,
        passthrough: list[str] | None = None,
        sticky: str | None = None,
    ) -> Endpoint:
        """Make an endpoint, or return the one that is there if it is the same.

        Args:
            actor: Who does it.
            name: Its name, part of the URL.
            time: The column of a request that says when the event was; its arrival when left out.
            passthrough: Columns that are captured and not given to the model.
            sticky: The column by whose value a caller stays on one route.

        Raises:
            EndpointExists: If one of that name has other settings.
        """
        check_name(name, "endpoint")
        columns = _columns(time, passthrough or [], sticky)
        return self._ledger.write(
            actor, lambda tx: endpoints.create(tx, name=name, time=time, passthrough=columns, sticky=sticky)
        )

    def configure_endpoint(
        self,
        actor: Actor,
        *,
        name: str,
        time: str | None = None,
        passthrough: list[str] | None = None,
        sticky: str | None = None,
    ) -> Endpoint:
        """Give an endpoint other settings, all of them anew; its traffic stays as it is.

        Raises:
            EndpointNotFound: If there is none of that name.
        """
        columns = _columns(time, passthrough or [], sticky)
        self._ledger.write(
            actor, lambda tx: endpoints.configure(tx, name=name, time=time, passthrough=columns, sticky=sticky)
        )
        self.reconcile()
        return self.get_endpoint(actor, name=name)

    def get_endpoint(self, actor: Actor, *, name: str) -> Endpoint:
        """Return an endpoint.

        Raises:
            EndpointNotFound: If there is none of that name.
        """
        del actor
        with self._ledger.read() as connection:
            return endpoints.need(connection, name)

    def list_endpoints(self, actor: Actor) -> list[Endpoint]:
        """Return the endpoints by name."""
        del actor
        with self._ledger.read() as connection:
            return store.list_endpoints(connection)

    def serving(self, model: str, version: int) -> str:
        """Return an endpoint that answers with a version of a model; empty if there is none."""
        with self._ledger.read() as connection:
            return store.endpoint_serving(connection, model, version)

    def list_deployments(self, actor: Actor, *, endpoint: str, limit: int = 100) -> list[Deployment]:
        """Return an endpoint's deployments, newest first.

        Raises:
            EndpointNotFound: If there is no such endpoint.
        """
        del actor
        with self._ledger.read() as connection:
            endpoints.need(connection, endpoint)
            return store.list_deployments(connection, endpoint, limit=most(limit))

    def get_deployment(self, actor: Actor, *, id: str) -> Deployment:  # noqa: A002 - the word of the API
        """Return a deployment.

        Raises:
            DeploymentNotFound: If there is none of that id.
        """
        del actor
        with self._ledger.read() as connection:
            return endpoints.need_deployment(connection, id)

    def create_endpoint_token(
        self, actor: Actor, *, endpoint: str, name: str, expires_in: str | None = None
    ) -> NewEndpointToken:
        """Make a token of an endpoint, which asks every caller for one from then on; its secret is not shown again.

        Args:
            actor: Who makes it.
            endpoint: The endpoint's name.
            name: Who calls with it, such as an application.
            expires_in: After what time it is worth nothing, such as `90d`; never when left out.

        Raises:
            EndpointNotFound: If there is no such endpoint.
            EndpointTokenExists: If a token of that name was not revoked yet.
            InvalidDuration: If the time is none.
        """
        made = tokens.create(self._ledger, actor, endpoint=endpoint, name=name, expires_in=expires_in)
        self.reconcile()
        return made

    def list_endpoint_tokens(self, actor: Actor, *, endpoint: str) -> list[EndpointToken]:
        """Return the tokens of an endpoint, newest first, the revoked ones too.

        Raises:
            EndpointNotFound: If there is no such endpoint.
        """
        del actor
        with self._ledger.read() as connection:
            endpoints.need(connection, endpoint)
            return store.list_endpoint_tokens(connection, endpoint)

    def revoke_endpoint_token(self, actor: Actor, *, endpoint: str, name: str) -> EndpointToken:
        """Take a token of an endpoint back; a data plane that runs refuses it from the return on.

        After the last one the endpoint answers nobody until it gets a new one: it does not fall open.

        Raises:
            EndpointNotFound: If there is no such endpoint.
            EndpointTokenNotFound: If none that is not revoked has that name or id.
        """
        revoked = tokens.revoke(self._ledger, actor, endpoint=endpoint, name=name)
        self.reconcile()
        return revoked


def _columns(time: str | None, passthrough: list[str], sticky: str | None) -> list[str]:
    for name in [*passthrough, *([time] if time else []), *([sticky] if sticky else [])]:
        check_text(name, "the name of a column", LONGEST_COLUMN)
    return list(dict.fromkeys(passthrough))
