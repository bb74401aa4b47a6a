"""What a run asks of the store is found by indexes: ten times as many customers cost no more steps of the database.

Counted are the steps of SQLite's own machine, which are the same on a fast machine and on a busy one.
"""

import pytest
from memory_shop import Shop
from sqlalchemy import event, insert

from perkstar_tui.model.ids import new_ids
from perkstar_tui.sync.context import CUSTOMER, EVENT, LINK
from perkstar_tui.sync.runner import Runner

EACH = 50
"""So many steps are counted as one."""


class Counted(Shop):
    """A shop with many linked customers, whose database counts its steps."""

    def __init__(self, folder, people: int) -> None:
        super().__init__(folder)
        self.steps = 0
        now = self.clock.now()
        ids = new_ids("cus", people)
        emails = [f"p{n}@x.uk" for n in range(people)]
        remote = [self.platform.add(first="P", email=email) for email in emails]
        with self.store.write() as connection:
            revision = self.store.next_revisions(connection, people)
            connection.execute(
                insert(CUSTOMER),
                [
                    {
                        "id": id_, "revision": revision + n, "first_name": "P", "email": emails[n],
                        "email_key": emails[n], "provenance": {}, "created_at": now, "updated_at": now,
                    }
                    for n, id_ in enumerate(ids)
                ],
            )  # fmt: skip
            connection.execute(
                insert(LINK),
                [
                    {
                        "integration_id": "int_1", "data": "customers", "hub_id": id_, "remote_id": remote[n],
                        "state": "linked", "base": {"first": "P", "email": emails[n]}, "reason": "", "attempts": 0,
                        "last_received": now,
                    }
                    for n, id_ in enumerate(ids)
                ],
            )  # fmt: skip
        self.someone, self.contact = ids[people // 2], remote[people // 3]
        self.run()
        self.run()
        event.listen(self.store.engine, "connect", self._count)
        self.store.engine.dispose()

    def _count(self, raw, _record) -> None:
        raw.set_progress_handler(self._step, EACH)

    def _step(self) -> int:
        self.steps += 1
        return 0

    def cost(self, work) -> int:
        """Steps that some work takes, once the connection is made and the statements are known."""
        work()
        self.steps = 0
        work()
        return self.steps


@pytest.fixture(scope="module")
def shops(tmp_path_factory):
    made = [Counted(tmp_path_factory.mktemp(f"n{people}"), people) for people in (150, 1500)]
    yield made
    for shop in made:
        shop.store.close()


def nothing(shop):
    assert shop.run().outcome == "succeeded"


def a_change_there(shop):
    shop.platform.put(shop.contact, first=f"Renamed{shop.steps}")
    assert shop.run().inward["updated"] == 1


def a_change_here(shop):
    shop.edit(shop.someone, first_name=f"Edited{shop.steps}")
    assert shop.run().outward["updated"] == 1


def somebody_new_there(shop):
    shop.platform.add(first="New", email=f"new{shop.steps}@x.uk")
    assert shop.run().inward["created"] == 1


def somebody_new_here(shop):
    shop.customer(first_name="New", email=f"fresh{shop.steps}@x.uk")
    assert shop.run().outward["created"] == 1


def what_is_due(shop):
    Runner(shop.store, shop.engine, shop.clock).due()


@pytest.mark.parametrize(
    "work",
    [nothing, a_change_there, a_change_here, somebody_new_there, somebody_new_here, what_is_due],
    ids=lambda work: work.__name__,
)
def test_ten_times_as_many_customers_cost_no_more_steps(shops, work):
    few, many = (shop.cost(lambda shop=shop: work(shop)) for shop in shops)
    assert many <= few * 1.5 + 20, (few, many)


def test_a_webhook_s_record_is_read_alone(shops):
    def told(shop):
        with shop.store.write() as connection:
            connection.execute(
                insert(EVENT).values(
                    id=f"evt{shop.steps}{shop.clock.now().timestamp()}", integration_id="int_1", data="customers",
                    remote_id=shop.contact, type="changed", at=shop.clock.now(),
                )
            )  # fmt: skip
        shop.run()

    few, many = (shop.cost(lambda shop=shop: told(shop)) for shop in shops)
    assert many <= few * 1.5 + 20, (few, many)
