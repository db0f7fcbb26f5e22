"""Which page shows a thing of the ledger."""

from urllib.parse import quote

from markupsafe import Markup

from tidemill.server.pages import words

_PAGES = {
    "run": "/runs/{}",
    "dataset": "/datasets/{}",
    "logged_model": "/logged-models/{}",
    "model": "/models/{}",
    "endpoint": "/endpoints/{}",
    "prediction": "/predictions/{}",
    "delivery": "/deliveries/{}",
    "gate_report": "/gates/{}",
    "check_report": "/checks/{}",
    "experiment": "/experiments/{}",
    "label_task": "/labels/{}",
}
"""Kinds whose id is what their page is called by; the others are shown by their trace."""


def url_of(ref: str) -> str:
    """Return the address of the page about `kind:id`."""
    kind, _, identifier = ref.partition(":")
    pattern = _PAGES.get(kind)
    return pattern.format(quote(identifier, safe="")) if pattern else f"/trace/{quote(ref, safe=':')}"


def version_url(name: str, number: int) -> str:
    """Return the address of a model version."""
    return f"/models/{quote(name, safe='')}/{number}"


def link_to(ref: str | None, text: str = "") -> Markup:
    """Return a link to the page about `kind:id`; its text is the kind with the short id when left out."""
    if not ref:
        return Markup("{}").format(words.NOTHING)
    kind, _, identifier = ref.partition(":")
    brief = words.clip(identifier, 24) if len(identifier) < 30 else identifier[-6:]
    shown = text or f"{kind.replace('_', ' ')} {brief}"
    return Markup('<a href="{}" title="{}">{}</a>').format(url_of(ref), words.visible(ref), words.visible(shown))
