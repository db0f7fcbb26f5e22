"""One prediction with its whole ancestry: request, deployment, model, run, code, data, gate, approver."""

from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.core.access import Actor
from tidemill.core.errors import NotFound
from tidemill.server.pages.lineage import Branch, Names, graph, material, tree
from tidemill.server.pages.shell import page, render
from tidemill.server.pages.watches import brief_value
from tidemill.server.permits import StatedRoute


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the routes of this page."""

    def show(request: Request, actor: Actor) -> Response:
        found = workspace.monitoring.prediction(actor, id=request.path_params["id"])
        ref = f"prediction:{found.id}"
        names = Names(workspace, actor)
        branches: list[Branch] = []
        drawing = None
        try:
            trace = workspace.governance.trace(actor, ref=ref)
            branches = tree(names, trace.start, material(trace.start, trace.edges), "up")
            drawing = graph(names, trace.start, trace.edges, most=36)
        except NotFound:
            pass  # a prediction that is not sealed yet has no edges
        values = {
            "here": "endpoints",
            "title": f"Prediction {found.id[-8:]}",
            "prediction": found,
            "inputs": {name: brief_value(value) for name, value in found.inputs.items()},
            "outputs": [(name, brief_value(value), "") for name, value in found.outputs.items()],
            "truth": brief_value(found.truth),
            "branches": branches,
            "graph": drawing,
            "ref": ref,
        }
        return render(request, "prediction.html", values)

    return [page("/predictions/{id}", show)]
