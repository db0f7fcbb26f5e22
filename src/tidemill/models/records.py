"""What the registry knows: models, their versions, and the aliases that point at versions."""

import msgspec

from tidemill.core.digests import Digest
from tidemill.core.moments import Moment
from tidemill.models.signatures import Signature


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A registered name.

    Args:
        name: The name.
        description: What the model is for.
        created_at: When it was registered first.
        created_by: By whom.
        latest: The number of its newest version.
        aliases: Where each alias points.
        tags: What else is to be known of it.
        updated_at: When it or one of its versions changed last.
        deleted_at: When it was put into the trash.
    """

    name: str
    description: str
    created_at: Moment
    created_by: str
    latest: int
    aliases: dict[str, int] = {}
    tags: dict[str, str] = {}
    updated_at: Moment
    deleted_at: Moment | None = None


class Preparation(msgspec.Struct, frozen=True, kw_only=True):
    """The verified model folder that was made of files that another's client logged.

    Args:
        digest: The tree of the folder: what gates judge and endpoints serve.
        framework: The library that reads it.
        kind: What its outputs mean, such as `classifier`.
        signature: Its inputs and outputs.
        requirements: What the client said must be installed; the lines of its `requirements.txt`.
        notes: What is to be known of it, such as another release of the library than the client's.
        made_at: When.
        made_by: By whom.
    """

    digest: Digest
    framework: str
    kind: str
    signature: Signature
    requirements: list[str] = []
    notes: list[str] = []
    made_at: Moment
    made_by: str


class ModelVersion(msgspec.Struct, frozen=True, kw_only=True):
    """An immutable version of a model.

    Args:
        id: Its id in the ledger.
        model: The model's name.
        number: Its number, from 1.
        digest: The tree of its files.
        framework: The library that it is of.
        kind: What its outputs mean, such as `classifier`.
        signature: Its inputs and outputs.
        size: Bytes.
        run_id: The run that made it; None when none is known.
        description: What is to be known of it.
        tags: What else is to be known of it.
        aliases: The aliases that point at it now.
        created_at: When it was registered.
        created_by: By whom.
        updated_at: When something about it changed last.
        deleted_at: When it was put into the trash.
        stage: One of MLflow's four: None, Staging, Production, Archived; aliases are the better way.
        source: Where its files were said to be when it was registered; empty when they came as a tree.
        run_link: A URL of the run, when somebody gave one.
        logged_model_id: The logged model that it is of; empty when none is known.
        preparation: What gates and endpoints use of it; None before the first use, and when it came as a tree.
    """

    id: str
    model: str
    number: int
    digest: Digest
    framework: str
    kind: str
    signature: Signature
    size: int
    run_id: str | None
    description: str
    created_at: Moment
    created_by: str
    tags: dict[str, str] = {}
    aliases: list[str] = []
    updated_at: Moment
    deleted_at: Moment | None = None
    stage: str = "None"
    source: str = ""
    run_link: str = ""
    logged_model_id: str = ""
    preparation: Preparation | None = None

    @property
    def bundle(self) -> Digest:
        """The tree that gates judge and endpoints serve."""
        return self.preparation.digest if self.preparation else self.digest

    @property
    def is_ready(self) -> bool:
        """Whether gates and endpoints can use it as it is: somebody looked at its files."""
        return self.preparation is not None or not self.source

    @property
    def ref(self) -> str:
        """How a person names it: `delay@3`."""
        return f"{self.model}@{self.number}"


class ModelPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some models, and the token that asks for the next ones."""

    models: list[Model]
    next_page_token: str = ""


class ModelVersionPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some versions, and the token that asks for the next ones."""

    versions: list[ModelVersion]
    next_page_token: str = ""
