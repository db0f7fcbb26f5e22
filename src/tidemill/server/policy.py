"""What differs by path: how large a body may be, and how an error looks."""

from starlette.requests import Request
from starlette.responses import Response

from tidemill.core.errors import TidemillError
from tidemill.server.answers import error_answer
from tidemill.server.bodies import MOST_BODY
from tidemill.server.faces import mlflow
from tidemill.server.pages.failures import page_of, wants_page


class PathPolicy:
    """Fills the guard's port from the faces and pages."""

    def most_body(self, request: Request) -> int | None:
        """Return the most bytes of a request's body; None where the body is streamed to disk."""
        return None if mlflow.streams(request) else MOST_BODY

    def error_answer(self, request: Request, error: TidemillError) -> Response:
        """Return an error as a page to browsers, in their own shape to clients of others, as JSON to programs."""
        if mlflow.speaks(request):
            return mlflow.mlflow_error(error)
        return page_of(request, error) if wants_page(request) else error_answer(error)
