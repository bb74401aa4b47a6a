"""A hub whose one integration is a platform in memory, reached through the hub's own doors."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from memory_platform import MAPPING, MemoryPlatform, StillClock, integration
from sqlalchemy import insert, select, update

from perkstar_tui.hub.hub import Hub
from perkstar_tui.hub.settings import Settings
from perkstar_tui.model.errors import PerkstarError
from perkstar_tui.model.ids import new_id
from perkstar_tui.model.remote import RemoteAccount, RemoteField
from perkstar_tui.sync.context import CARD, CUSTOMER, INTEGRATION, LINK, RUN, TRANSACTION

LINES = [
    {"direction": "both", "write": "always", "label": one["remote"], "transform": "text", **one}
    for one in MAPPING
]


@cache
def _begun() -> bytes:
    """A store with a local account, as it lies on the disk: made once, since its tables take a while."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "perkstar.db"
        settings = Settings(home=file.parent, database_url=f"sqlite:///{file}", vault="file")
        hub = Hub(settings, StillClock())
        hub.attach_local("Bean & Leaf")
        # The last connection that closes puts everything into the file.
        hub.close()
        return file.read_bytes()


class Known(MemoryPlatform):
    """The platform, which also says who it is."""

    refused: PerkstarError | None = None

    async def identify(self) -> RemoteAccount:
        if self.refused:
            raise self.refused
        return RemoteAccount("acc_1", "Memory account")

    async def fields(self, data: Any) -> list[RemoteField]:
        return [RemoteField(line["remote"], line["remote"], "text") for line in LINES]


class MemoryHub:
    """`hub` and `platform`; `settings` go over the integration's configuration, `row` over its row."""

    def __init__(self, home: Path, row: dict[str, Any] | None = None, **settings: Any) -> None:
        self.clock = StillClock()
        database = f"sqlite:///{home / 'perkstar.db'}"
        (home / "perkstar.db").write_bytes(_begun())
        self.hub = Hub(Settings(home=home, database_url=database, vault="file"), self.clock)
        bench = self.bench = self.hub.bench
        # The engine asks the manifest for words and limits only; what is mapped stands in the configuration.
        bench.__dict__["catalog"] = {**dict(bench.catalog.items()), "memory": bench.catalog["hubspot"]}
        self.platform = Known(self.clock)
        bench.connector = lambda row, held=None: self.platform  # type: ignore[method-assign,assignment,return-value]
        self.store = bench.store
        config = {
            "frequency": "manual", "data": ["customers"], "direction": "both", "match": ["email", "phone"],
            "source_of_truth": "perkstar", "mapping": {"customers": LINES}, "options": {}, **settings,
        }  # fmt: skip
        values = integration("Memory", self.clock.now()) | {
            "config": config,
            "activated_at": self.clock.now(),
        }
        with self.store.write() as connection:
            connection.execute(insert(INTEGRATION).values(**(values | (row or {}))))

    def customer(self, **fields: Any) -> str:
        """A customer of the store, whatever it has in common with others: import would make them one."""
        id_ = new_id("cus")
        config = self.bench.configure(self.integration())
        with self.store.write() as connection:
            revision, now = self.store.next_revisions(connection, 1), self.clock.now()
            connection.execute(
                insert(CUSTOMER).values(
                    id=id_, revision=revision, provenance={}, created_at=now, updated_at=now,
                    email_key=config.key_of("email", fields.get("email")),
                    phone_key=config.key_of("phone", fields.get("phone")), **fields,
                )
            )  # fmt: skip
        return id_

    def integration(self) -> Any:
        return self.row(INTEGRATION, "int_1")

    def beside(self, name: str) -> str:
        """A second integration of the same platform, which runs by nobody; answers its id."""
        first = dict(self.integration()._mapping)
        with self.store.write() as connection:
            connection.execute(insert(INTEGRATION).values(**{**first, "id": "int_2", "name": name}))
        return "int_2"

    def link(self, integration_id: str, hub_id: str, remote_id: str) -> None:
        """A record of a customer at an integration."""
        with self.store.write() as connection:
            connection.execute(
                insert(LINK).values(
                    integration_id=integration_id, data="customers", hub_id=hub_id, remote_id=remote_id,
                    state="linked", base={}, reason="", attempts=0,
                )
            )  # fmt: skip

    def set_run(self, id_: str, **values: Any) -> None:
        """Change a run as if it had gone otherwise."""
        with self.store.write() as connection:
            connection.execute(update(RUN).where(RUN.c.id == id_).values(**values))

    def customers(self) -> list[Any]:
        with self.store.read() as connection:
            return list(connection.execute(select(CUSTOMER)))

    def edit(self, id_: str, **fields: Any) -> None:
        stamp = round(self.clock.now().timestamp() * 1000)
        with self.store.write() as connection:
            revision = self.store.next_revisions(connection, 1)
            connection.execute(
                update(CUSTOMER)
                .where(CUSTOMER.c.id == id_)
                .values(revision=revision, provenance={n: ["local", stamp] for n in fields}, **fields)
            )

    def put(self, **values: Any) -> None:
        """Change the integration's row."""
        with self.store.write() as connection:
            connection.execute(update(INTEGRATION).where(INTEGRATION.c.id == "int_1").values(**values))

    def settings(self, **settings: Any) -> None:
        self.put(config={**self.integration().config, **settings})

    def sale(self, remote_id: str, **more: Any) -> str:
        id_ = new_id("trn")
        with self.store.write() as connection:
            revision, now = self.store.next_revisions(connection, 1), self.clock.now()
            values = {
                "id": id_, "revision": revision, "integration_id": "int_1", "remote_id": remote_id,
                "line_kind": "sale", "happened_at": now, "currency": "GBP", "total_minor": 500, "base_minor": 500,
                "earned": 5, "reversed": 0, "owed": 0, "state": "credited", "reason": "", "mark": "", "contact": {},
                "created_at": now,
            }  # fmt: skip
            connection.execute(insert(TRANSACTION).values(**(values | more)))
        return id_

    def card(self, customer: str, balance: int = 0, **more: Any) -> str:
        id_ = new_id("crd")
        with self.store.write() as connection:
            revision, now = self.store.next_revisions(connection, 1), self.clock.now()
            values = {
                "id": id_, "revision": revision, "customer_id": customer, "template_id": "tpl_1", "kind": "reward",
                "balance": balance, "status": "", "created_at": now, "updated_at": now,
            }  # fmt: skip
            connection.execute(insert(CARD).values(**(values | more)))
        return id_

    def sync(self, *, full: bool = True) -> Any:
        return self.hub.sync("int_1", full=full, wait=True)

    def row(self, of: Any, id_: Any) -> Any:
        with self.store.read() as connection:
            return connection.execute(select(of).where(of.c.id == id_)).one()

    def links(self) -> dict[str, Any]:
        """The links by remote id; of customers without a record there by theirs."""
        with self.store.read() as connection:
            return {row.remote_id or row.hub_id: row for row in connection.execute(select(LINK))}

    def people(self) -> list[str]:
        with self.store.read() as connection:
            rows = connection.execute(select(CUSTOMER.c.first_name).where(CUSTOMER.c.archived_at.is_(None)))
            return sorted(str(row.first_name) for row in rows)
