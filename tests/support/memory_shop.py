"""A store and the engine over it, with one integration to a platform in memory."""

import asyncio
from pathlib import Path

from memory_platform import MemoryPlatform, StillClock, config, integration
from sqlalchemy import func, insert, select, update

from perkstar_tui.model.enums import Trigger
from perkstar_tui.model.ids import new_id
from perkstar_tui.store.database import Store
from perkstar_tui.sync.context import CUSTOMER, INTEGRATION, RUN
from perkstar_tui.sync.run import Engine, Workbench


class Shop:
    """A store with one active integration to a platform in memory."""

    def __init__(self, folder: Path) -> None:
        self.clock = StillClock()
        self.store = self.opened(folder)
        self.store.upgrade()
        self.platform = self.played()
        self.config = config()
        bench = Workbench(lambda row: self.config, lambda row, held: self.platform, lambda: None)
        self.engine = Engine(self.store, bench, self.clock)
        with self.store.write() as connection:
            connection.execute(insert(INTEGRATION).values(**integration("Memory", self.clock.now())))

    def opened(self, folder: Path) -> Store:
        return Store.at(folder)

    def played(self) -> MemoryPlatform:
        return MemoryPlatform(self.clock)

    def customer(self, **fields: object) -> str:
        id_ = new_id("cus")
        email, phone = fields.get("email"), fields.get("phone")
        with self.store.write() as connection:
            revision = self.store.next_revisions(connection, 1)
            now = self.clock.now()
            connection.execute(
                insert(CUSTOMER).values(
                    id=id_,
                    revision=revision,
                    provenance={},
                    created_at=now,
                    updated_at=now,
                    email_key=email,
                    phone_key=phone,
                    **fields,
                )
            )
        return id_

    def edit(self, id_: str, **fields: object) -> None:
        with self.store.write() as connection:
            revision = self.store.next_revisions(connection, 1)
            stamp = round(self.clock.now().timestamp() * 1000)
            provenance = {name: ["local", stamp] for name in fields}
            connection.execute(
                update(CUSTOMER)
                .where(CUSTOMER.c.id == id_)
                .values(revision=revision, provenance=provenance, **fields)
            )

    def run(self, **more: object):
        run_id = asyncio.run(self.engine.run("int_1", Trigger.MANUAL, **more))
        return self.row(RUN, RUN.c.id == run_id)

    def row(self, of, condition):
        with self.store.read() as connection:
            return connection.execute(select(of).where(condition)).one()

    def rows(self, of):
        with self.store.read() as connection:
            return connection.execute(select(of)).all()

    def count(self, of) -> int:
        with self.store.read() as connection:
            return connection.execute(select(func.count()).select_from(of)).scalar_one()
