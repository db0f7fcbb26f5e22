"""How registered models and their versions look on MLflow's wire."""

from collections.abc import Sequence

import msgspec

from tidemill.core.moments import to_ms
from tidemill.models.records import Model, ModelVersion
from tidemill.server.faces.mlflow.words import Tag, listed
from tidemill.tracking.places import version_uri


class WireAlias(msgspec.Struct, frozen=True, kw_only=True):
    """Where an alias points."""

    alias: str
    version: str


class WireVersion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A version of a registered model."""

    name: str
    version: str
    creation_timestamp: int
    last_updated_timestamp: int
    current_stage: str
    description: str | None = None
    source: str
    run_id: str | None = None
    status: str
    run_link: str | None = None
    user_id: str = ""
    model_id: str = ""
    tags: list[Tag] = []
    aliases: list[str] = []


class WireModel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A registered model."""

    name: str
    creation_timestamp: int
    last_updated_timestamp: int
    user_id: str = ""
    description: str | None = None
    latest_versions: list[WireVersion] = []
    tags: list[Tag] = []
    aliases: list[WireAlias] = []


def version_of(version: ModelVersion, *, with_aliases: bool = True) -> WireVersion:
    """Return a version of a registered model."""
    return WireVersion(
        name=version.model,
        version=str(version.number),
        creation_timestamp=to_ms(version.created_at),
        last_updated_timestamp=to_ms(version.updated_at),
        current_stage=version.stage,
        description=version.description,
        source=version.source or version_uri(version.id),
        run_id=version.run_id or "",
        status="READY",
        run_link=version.run_link,
        user_id=version.created_by,
        model_id=version.logged_model_id,
        tags=listed(version.tags),
        aliases=list(version.aliases) if with_aliases else [],
    )


def _number(version: ModelVersion) -> int:
    return version.number


def model_of(model: Model, latest: Sequence[ModelVersion]) -> WireModel:
    """Return a registered model."""
    return WireModel(
        name=model.name,
        creation_timestamp=to_ms(model.created_at),
        last_updated_timestamp=to_ms(model.updated_at),
        user_id=model.created_by,
        description=model.description or None,
        latest_versions=[version_of(each, with_aliases=False) for each in sorted(latest, key=_number)],
        tags=listed(model.tags),
        aliases=[WireAlias(alias=alias, version=str(number)) for alias, number in model.aliases.items()],
    )
