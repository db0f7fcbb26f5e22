"""What one can do with tokens, and with what the ledger remembers."""

import hmac
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import msgspec
import sqlalchemy as sa

from tidemill.core.access import Actor, Permission, allows, parse_role
from tidemill.core.errors import Conflict, InvalidInput, NotFound
from tidemill.core.ids import new_id
from tidemill.core.limits import check_limit
from tidemill.core.moments import Moment, parse_duration, utc_now
from tidemill.core.names import shown
from tidemill.core.nearest import did_you_mean
from tidemill.core.refs import Ref
from tidemill.governance import rules, store
from tidemill.governance.ports import Naming, Origin
from tidemill.governance.records import Identity, NewToken, Token
from tidemill.governance.tracing import walk
from tidemill.ledger import Ledger, Transaction
from tidemill.ledger.audit import read
from tidemill.ledger.records import AuditEvent, Direction, Trace

MOST_EVENTS = 1000
REMEMBERED_S = 5.0
"""For how long a revocation by another server may go unnoticed."""

_MOST_REMEMBERED = 1024


class TokenExists(Conflict):
    """A token of that name is there, and was not revoked."""

    code = "token_exists"


class TokenNotFound(NotFound):
    """No token has that name or id."""

    code = "token_not_found"


@dataclass(frozen=True, slots=True)
class _Remembered:
    actor: Actor
    expires_at: Moment | None
    until: float


class GovernanceService:
    """The verbs of identity, and the reading of audit and lineage.

    Args:
        ledger: Where the rows are.
        origins: Per kind of thing without edges of its own, who knows where one comes from.
        naming: Who knows how persons call things.
    """

    local = frozenset({"authenticate", "has_admin_token"})

    def __init__(
        self, ledger: Ledger, origins: Mapping[str, Origin] | None = None, naming: Naming | None = None
    ) -> None:
        self._ledger = ledger
        self._naming = naming
        self._origins = dict(origins or {})
        self._known: dict[str, _Remembered] = {}
        self._generation = 0
        self._guard = threading.Lock()

    def create_token(self, actor: Actor, *, name: str, role: str = "viewer", expires_in: str | None = None) -> NewToken:
        """Make a token, and return its secret, which is not kept and not shown again.

        Args:
            actor: Who asks.
            name: Under which name its holder acts.
            role: viewer, editor, approver or admin.
            expires_in: After what time it is worth nothing, such as `90d`; never when left out.

        Raises:
            TokenExists: If a token of that name was not revoked yet.
            UnknownRole: If the role is none.
            InvalidDuration: If the time is none.
            NameReserved: If the name is the owner's or the system's.
        """
        rules.check_token_name(name)
        word = rules.role_word(parse_role(role))
        lifetime = None if expires_in is None else _lifetime(expires_in)
        identifier, secret = new_id(), rules.new_secret()

        def work(tx: Transaction) -> Token:
            row = {
                "id": identifier,
                "name": name,
                "role": word,
                "hash": rules.hash_of(secret),
                "created_at": tx.now,
                "created_by": actor.name,
                "expires_at": None if lifetime is None else tx.now + lifetime,
                "revoked_at": None,
                "last_used_day": None,
            }
            tx.execute(sa.insert(store.tokens), row)
            tx.audit("token.create", Ref("token", identifier), name=name, role=word)
            return store.token(row)

        try:
            made = self._ledger.write(actor, work)
        except sa.exc.IntegrityError as error:
            raise TokenExists(
                f"There is a token {name!r}", hint=f"Revoke it first (tidemill tokens revoke {name}), or choose a name."
            ) from error
        return NewToken(token=made, secret=secret)

    def list_tokens(self, actor: Actor) -> list[Token]:
        """Return every token, newest first, the revoked ones too."""
        with self._ledger.read() as connection:
            return store.all_tokens(connection)

    def revoke_token(self, actor: Actor, *, name: str) -> Token:
        """Take a token back; from the return on it is worth nothing at this server.

        Raises:
            TokenNotFound: If none that is not revoked has that name or id.
        """

        def work(tx: Transaction) -> Token:
            found = store.live_named(tx.connection, name)
            if found is None:
                known = [token.name for token in store.all_tokens(tx.connection) if token.revoked_at is None]
                raise TokenNotFound(f"There is no token {shown(name)} to revoke", hint=did_you_mean(name, known))
            tx.execute(sa.update(store.tokens).where(store.tokens.c.id == found.id).values(revoked_at=tx.now))
            tx.audit("token.revoke", Ref("token", found.id), name=found.name)
            row = tx.execute(sa.select(store.tokens).where(store.tokens.c.id == found.id))
            return store.token(row.mappings().one())

        revoked = self._ledger.write(actor, work)
        with self._guard:
            self._generation += 1
            self._known.clear()
        return revoked

    def whoami(self, actor: Actor) -> Identity:
        """Return who the caller is here, and what it may do."""
        return Identity(
            name=actor.name,
            role=rules.role_word(actor.role),
            permissions=[each.value for each in Permission if each is not Permission.OPEN and allows(actor, each)],
        )

    def audit(
        self, actor: Actor, *, subject: str | None = None, before: int | None = None, limit: int = 100
    ) -> list[AuditEvent]:
        """Return who did what when, newest first.

        Args:
            actor: Who asks.
            subject: Only what was done to this thing, as `kind:id`.
            before: Only events with a smaller number, for the next page.
            limit: The most events, up to 1000.

        Raises:
            InvalidLimit: If the limit is not from 1 to 1000.
            InvalidRef: If the subject is no reference.
        """
        check_limit(limit, "events", most=MOST_EVENTS)
        of = Ref.parse(subject) if subject else None
        with self._ledger.read() as connection:
            return read(connection, subject=of, before=before, limit=limit)

    def trace(self, actor: Actor, *, ref: str, direction: Direction = "up", named: bool = False) -> Trace:
        """Return what a thing came from, or what came from it, edge by edge.

        Args:
            actor: Who asks.
            ref: The thing, as `kind:id`, such as `model_version:0192…`, its id alone, or a version of a dataset or
                model by its name, such as `flights@3`.
            direction: `up` to what it came from, `down` to what came from it, or `both`.
            named: Say also how persons call the things.

        Raises:
            InvalidRef: If it is no reference.
            AmbiguousId: If an id alone names several things.
            ThingNotFound: If the ledger knows nothing of it.
        """
        with self._ledger.read() as connection:
            found = walk(connection, ref, direction, self._origins, self._naming)
        if not named or self._naming is None:
            return found
        refs = [found.start, *(end for edge in found.edges for end in (edge.target, edge.source))]
        return msgspec.structs.replace(found, names=self._naming.names(map(Ref.parse, refs)))

    def authenticate(self, secret: str) -> Actor:
        """Return who acts with a secret.

        Raises:
            TokenRefused: If it is worth nothing.
        """
        if not rules.looks_like_secret(secret):
            raise rules.refused()
        hashed, now = rules.hash_of(secret), utc_now()
        known = self._known.get(hashed)
        if known and known.until > time.monotonic() and (known.expires_at is None or known.expires_at > now):
            return known.actor
        generation = self._generation
        with self._ledger.read() as connection:
            found = store.of_hash(connection, hashed)
        if found is None or not hmac.compare_digest(found[1], hashed) or not rules.is_live(found[0], now):
            raise rules.refused()
        token = found[0]
        actor = Actor(token.name, parse_role(token.role))
        self._note_use(token, now)
        with self._guard:
            if generation == self._generation:  # nothing was revoked since the look-up
                if len(self._known) >= _MOST_REMEMBERED:
                    self._known.clear()
                self._known[hashed] = _Remembered(actor, token.expires_at, time.monotonic() + REMEMBERED_S)
        return actor

    def has_admin_token(self) -> bool:
        """Return whether somebody can come in as admin with a token."""
        with self._ledger.read() as connection:
            return store.has_live(connection, "admin", utc_now())

    def _note_use(self, token: Token, now: Moment) -> None:
        """Record the day of use, once a day and without waiting: it is a convenience, not part of the answer."""
        day = now.date().isoformat()
        if token.last_used_day == day:
            return

        def work(tx: Transaction) -> None:
            tx.execute(sa.update(store.tokens).where(store.tokens.c.id == token.id).values(last_used_day=day))

        self._ledger.submit(Actor(token.name, parse_role(token.role)), work)


def _lifetime(text: str) -> timedelta:
    lifetime = parse_duration(text)
    if not timedelta(0) < lifetime <= timedelta(days=36500):
        raise InvalidInput(f"A token cannot live for {shown(text)}", hint="Give more than nothing and up to 36500d.")
    return lifetime
