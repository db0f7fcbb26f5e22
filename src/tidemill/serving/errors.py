"""What can go wrong between a request and its answer."""

from tidemill.core.errors import (
    BodyTooLarge,
    Damaged,
    Internal,
    InvalidInput,
    MethodNotAllowed,
    NotFound,
    Refused,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from tidemill.delivery.rules import EndpointNotFound

__all__ = ["BodyTooLarge", "EndpointNotFound", "MethodNotAllowed"]  # those that both planes raise; its own follow


class MalformedRequest(InvalidInput):
    """The bytes are not an HTTP request that this server understands."""

    code = "malformed_request"


class HeadTooLarge(TooLarge):
    """The request line and headers are over the limit."""

    code = "head_too_large"


class RequestTooSlow(InvalidInput):
    """The request did not arrive in time."""

    code = "request_too_slow"


class HostNotAllowed(Refused):
    """The request names a host that this server does not answer for."""

    code = "host_not_allowed"


class CrossOrigin(Refused):
    """A browser sent the request from a page of another origin."""

    code = "cross_origin"


class UnknownPath(NotFound):
    """No such path."""

    code = "path_not_found"


class WrongMediaType(InvalidInput):
    """The body is of a type or coding that this server does not read."""

    code = "wrong_media_type"


class EndpointNotReady(Unavailable):
    """The endpoint is known and its model is not loaded."""

    code = "endpoint_not_ready"


class TokenMissing(Unauthenticated):
    """The endpoint asks for a token and the request has none."""

    code = "token_missing"


class TokenUnknown(Unauthenticated):
    """The token is none of the endpoint's."""

    code = "token_unknown"


class MalformedJson(InvalidInput):
    """The body is not JSON."""

    code = "malformed_json"


class JsonTooDeep(InvalidInput):
    """The body nests deeper than any request does."""

    code = "json_too_deep"


class DuplicateKey(InvalidInput):
    """An object of the body has the same key twice."""

    code = "duplicate_key"


class InvalidBody(InvalidInput):
    """The body is JSON and not of the shape of a prediction request."""

    code = "invalid_body"


class EmptyRequest(InvalidInput):
    """The request has no rows."""

    code = "empty_request"


class InvalidRows(InvalidInput):
    """Rows do not fit the model's signature."""

    code = "invalid_rows"


class InvalidPredictionIds(InvalidInput):
    """The prediction ids of the client cannot be used."""

    code = "invalid_prediction_ids"


class MixedStickyValues(InvalidInput):
    """Rows of one request would go to different routes."""

    code = "mixed_sticky_values"


class Overloaded(Unavailable):
    """More work waits than can be done in time."""

    code = "overloaded"


class TooManyConnections(Unavailable):
    """The server holds as many connections as it may."""

    code = "too_many_connections"


class CaptureUnavailable(Unavailable):
    """The prediction could not be recorded, and must be before it is answered."""

    code = "capture_unavailable"


class Draining(Unavailable):
    """The server is going away."""

    code = "draining"


class ModelFailed(Internal):
    """The model raised an error on rows that fit its signature."""

    code = "model_failed"


class ServingFault(Internal):
    """A fault of the data plane itself."""

    code = "serving_fault"


class InvalidRoutes(Damaged):
    """The file routes.json does not say what it must say."""

    code = "invalid_routes"
