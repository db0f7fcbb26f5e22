from tests.unit.data.conftest import data, ledger, nothing_kept, objects, project

__all__ = ["data", "ledger", "nothing_kept", "objects", "project"]
