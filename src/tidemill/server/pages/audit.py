"""Who did what when; and tokens, for admins."""

import re
from itertools import pairwise
from urllib.parse import quote, urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tidemill.app import Workspace
from tidemill.core.access import Actor, Permission, Role
from tidemill.governance.records import Token
from tidemill.ledger.records import AuditEvent
from tidemill.server.pages import forms
from tidemill.server.pages.addresses import link_to
from tidemill.server.pages.shell import back_to, page, render
from tidemill.server.permits import StatedRoute

_A_PAGE = 100
_MOST_READ = 1000
_LONG_HEX = re.compile("[0-9a-f]{32,64}")


def routes(workspace: Workspace) -> list[StatedRoute]:
    """Return the routes of these pages."""
    governance = workspace.governance

    def events(request: Request, actor: Actor) -> Response:
        query = request.query_params
        subject, who = query.get("subject", "").strip(), query.get("actor", "").strip()
        before = int(text) if (text := query.get("before", "")).isascii() and text.isdigit() else None
        limit = _MOST_READ if who else _A_PAGE
        found = governance.audit(actor, subject=subject or None, before=before, limit=limit)
        shown = [event for event in found if not who or who.lower() in event.actor.lower()][:_A_PAGE]
        ended = len(found) < limit and len(shown) < _A_PAGE
        last = shown[-1].seq if len(shown) == _A_PAGE else found[-1].seq if found else 0
        kept = {key: value for key, value in {"subject": subject, "actor": who}.items() if value}
        values = {
            "here": "audit",
            "title": "Audit",
            "rows": [(event, link_to(event.subject), _detail(event)) for event in shown],
            "subject": subject,
            "who": who,
            "older": "" if ended or last <= 1 else f"/audit?{urlencode({**kept, 'before': last})}",
            "newest": f"/audit?{urlencode(kept)}" if before else "",
            "breaks": _breaks(found),
            "checked": len(found),
            "is_whole": not subject,
        }
        return render(request, "audit.html", values)

    def tokens(request: Request, actor: Actor) -> Response:
        return _tokens(request, governance.list_tokens(actor), "")

    def create(request: Request, actor: Actor) -> Response:
        fields = forms.read(request)
        made = governance.create_token(
            actor,
            name=forms.need(fields, "name"),
            role=fields.get("role", "viewer"),
            expires_in=fields.get("expires_in", "").strip() or None,
        )
        return _tokens(request, governance.list_tokens(actor), made.secret)

    def revoke(request: Request, actor: Actor) -> Response:
        revoked = governance.revoke_token(actor, name=forms.need(forms.read(request), "name"))
        return back_to(f"/tokens?said={quote(f'Revoked {revoked.name}.')}")

    return [
        page("/audit", events),
        page("/tokens", tokens, Permission.ADMIN),
        page("/tokens", create, Permission.ADMIN, "POST"),
        page("/tokens/revoke", revoke, Permission.ADMIN, "POST"),
    ]


def _tokens(request: Request, found: list[Token], secret: str) -> Response:
    values = {
        "here": "tokens",
        "title": "Tokens",
        "tokens": found,
        "secret": secret,
        "roles": [role.name.lower() for role in Role],
    }
    return render(request, "tokens.html", values)


def _detail(event: AuditEvent) -> str:
    return ", ".join(f"{key} {_brief(value)}" for key, value in event.detail.items() if value not in (None, ""))


def _brief(value: object) -> str:
    """Return a value of an event in a few characters: digests and ids by their ends."""
    if not isinstance(value, str):
        return msgspec.json.encode(value).decode()
    return f"{value[:4]}…{value[-6:]}" if _LONG_HEX.fullmatch(value) else value


def _breaks(found: list[AuditEvent]) -> int:
    """Return how many of the events shown do not follow the one before them."""
    return sum(newer.seq == older.seq + 1 and newer.previous != older.digest for newer, older in pairwise(found))
