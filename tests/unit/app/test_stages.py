"""A stage is built at its first use, once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, RLock

from tidemill.app.stages import Stage


class Shop:
    def __init__(self):
        self.building = RLock()
        self.built = []

    @Stage
    def wood(self):
        """Planks."""
        self.built.append("wood")
        return object()

    @Stage
    def table(self):
        self.built.append("table")
        return [self.wood]


def test_nothing_is_built_before_it_is_asked_for():
    shop = Shop()

    assert shop.built == []
    assert shop.table == [shop.wood]
    assert shop.built == ["table", "wood"]


def test_threads_that_ask_together_get_the_same():
    shop, together = Shop(), Barrier(8)

    def ask(_: int) -> object:
        together.wait()
        return shop.wood

    with ThreadPoolExecutor(8) as pool:
        found = set(map(id, pool.map(ask, range(8))))

    assert (len(found), shop.built) == (1, ["wood"])


def test_a_stage_says_what_it_is():
    assert Shop.wood.__doc__ == "Planks."
