"""A logged model under an id that its client chose is begun once, however often it is begun."""

from datetime import UTC, datetime

import pytest

from tidemill.core.access import OWNER
from tidemill.core.errors import InvalidInput
from tidemill.tracking.records import LoggedModelStatus
from tidemill.tracking.service import LoggedModelService

CHOSEN = f"m-{'0' * 31}1"


def test_beginning_it_again_gives_what_is_there(logged_models: LoggedModelService) -> None:
    made_at = datetime(2026, 1, 2, tzinfo=UTC)
    first = logged_models.create(
        OWNER, experiment_id="Default", name="delay", model_id=CHOSEN, created_at=made_at, tags={"a": "b"}
    )
    done = logged_models.finalize(OWNER, model_id=CHOSEN, status=LoggedModelStatus.READY)
    again = logged_models.create(OWNER, experiment_id="Default", name="delay", model_id=CHOSEN)

    assert (first.model_id, first.created_at) == (CHOSEN, made_at)
    assert again == done
    assert len(logged_models.search(OWNER).models) == 1


def test_one_in_the_trash_is_not_begun_anew(logged_models: LoggedModelService) -> None:
    logged_models.create(OWNER, experiment_id="Default", model_id=CHOSEN)
    logged_models.delete(OWNER, model_id=CHOSEN)

    assert logged_models.create(OWNER, experiment_id="Default", model_id=CHOSEN).deleted_at is not None
    assert logged_models.search(OWNER).models == []


@pytest.mark.parametrize("unfit", ["m-", "m-1", "0" * 34, f"m-{'g' * 32}", f"m-{'0' * 33}", f"m-{'A' * 32}", "../m-1"])
def test_ids_that_are_none(logged_models: LoggedModelService, unfit: str) -> None:
    with pytest.raises(InvalidInput):
        logged_models.create(OWNER, experiment_id="Default", model_id=unfit)
