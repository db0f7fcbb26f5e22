"""The database of the workflows behaves alike whatever SQLite Python was built with."""

import time

from tidemill.workflows.store import open_engine


def test_sqlite_tells_the_time_with_parts_of_seconds(tmp_path):
    engine = open_engine(tmp_path / "workflows.sqlite")
    with engine.connect() as connection:
        precise, whole = connection.exec_driver_sql("SELECT unixepoch('subsec'), unixepoch()").one()
    engine.dispose()
    assert abs(precise - time.time()) < 60
    assert whole == int(whole)
