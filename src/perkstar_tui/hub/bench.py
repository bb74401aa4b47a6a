"""What stands behind every act: settings, store, vault, catalog, and the engine's workbench made of them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, insert, select

from perkstar_tui.http.budget import AnyOf, Budgets
from perkstar_tui.model.clock import Clock, SystemClock
from perkstar_tui.model.enums import DataType, Direction, SourceOfTruth, Status
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.ids import new_id
from perkstar_tui.platforms.connector import Connector, CredentialStore, Inbox
from perkstar_tui.platforms.manifest import Manifest
from perkstar_tui.store import leases
from perkstar_tui.store import tables as t
from perkstar_tui.store.database import Store, ms
from perkstar_tui.store.usage import CallCounter, StoredBudgets
from perkstar_tui.sync import comparing
from perkstar_tui.sync.config import RunConfig, compile_lines
from perkstar_tui.sync.earning import EarningRule
from perkstar_tui.sync.filters import SALES, TO_PERKSTAR, TO_PLATFORM, filter_of
from perkstar_tui.sync.run import Engine, Workbench
from perkstar_tui.vault import Vault, open_vault

from .credentials import StoredCredential
from .inbox import StoredInbox
from .settings import Settings
from .whoami import who

INTEGRATION = t.Integration
ACCOUNT = t.Account
AUDIT = t.AuditEntry
CLOUD = "perkstar"
OWN_PLATFORMS = "platforms"
"""The folder of the home directory with the manifests of the admin's own platforms."""


def _open_store(settings: Settings) -> Store:
    from sqlalchemy.exc import ArgumentError

    try:
        return Store(settings.database_url, read_only=settings.read_only)
    except ArgumentError:
        raise PerkstarError(
            ErrorKind.USAGE,
            "The address of the database cannot be understood.",
            remedy="PERKSTAR_DATABASE_URL is like sqlite:////path/perkstar.db or postgresql+psycopg://host/name.",
            field="database_url",
        ) from None


class Bench:
    """Everything opened once for a process. Safe to use from several threads."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self.store = _open_store(settings)
        self.budgets = StoredBudgets(self.store)
        self.calls = CallCounter(self.store)
        if settings.read_only:
            self._need_store()
        else:
            self.store.upgrade()
            if self.store.get_setting("store_id") is None:
                self.store.set_setting("store_id", new_id("sto"))

    def _need_store(self) -> None:
        from sqlalchemy.exc import OperationalError

        try:
            self.store.get_setting("store_id")
        except OperationalError:
            raise PerkstarError(
                ErrorKind.NOT_FOUND,
                f"There is no store in {self.settings.home} yet, and read-only makes none.",
                remedy="Run once without --read-only.",
            ) from None

    @cached_property
    def vault(self) -> Vault:
        return open_vault(
            self.settings.home,
            str(self.store.get_setting("store_id")),
            self.settings.vault,
            self.settings.vault_passphrase_file,
        )

    @cached_property
    def catalog(self) -> Mapping[str, Manifest]:
        from perkstar_tui.platforms.catalog import load_catalog

        builtin = load_catalog()
        if not (self.settings.home / OWN_PLATFORMS).is_dir():
            return builtin
        from .customising import own_manifests

        return builtin.with_own(own_manifests(self.settings.home))

    def manifest(self, platform: str) -> Manifest:
        """The manifest of a working platform. Raises NOT_FOUND that names the nearest ones."""
        found = self.catalog.get(platform.strip().lower())
        if found is not None and not found.system:
            return found
        names = sorted(name for name, manifest in self.catalog.items() if not manifest.system)
        raise PerkstarError(
            ErrorKind.NOT_FOUND,
            f"There is no platform called {platform!r} that works yet.",
            remedy=f"Working now: {', '.join(names)}. `perkstar catalog` lists all.",
        )

    def by_hand(self, platform: str) -> bool:
        """Whether a person enters the address of webhooks at the vendor."""
        manifest = self.catalog.get(platform)
        return manifest is not None and manifest.webhooks is not None and manifest.webhooks.by_hand

    def plays_here(self, platform: str) -> bool:
        """Whether a platform's address is on this machine, as a sandbox's is: then it reaches what listens here."""
        endpoint = self.settings.endpoints.get(platform)
        url = endpoint.get("url") if isinstance(endpoint, dict) else endpoint
        return is_here(str(url or ""))

    @cached_property
    def engine(self) -> Engine:
        bench = Workbench(self.configure, self.connector, self.cloud_id)
        return Engine(self.store, bench, self.clock)

    # -- account -------------------------------------------------------------------------------------------
    def account_row(self, connection: Connection | None = None) -> Any:
        """The account's row, or None before `login`."""
        if connection is not None:
            return connection.execute(select(ACCOUNT)).first()
        with self.store.read() as own:
            return own.execute(select(ACCOUNT)).first()

    def need_account(self) -> Any:
        row = self.account_row()
        if row is None:
            raise PerkstarError(
                ErrorKind.USAGE,
                "No Perkstar account is attached yet.",
                remedy="Run `perkstar login`, or `perkstar login --local NAME` to work without the cloud.",
            )
        return row

    def cloud_id(self) -> str | None:
        """The id of the cloud's system link, or None in a local account."""
        with self.store.read() as connection:
            found: str | None = connection.execute(
                select(INTEGRATION.c.id).where(
                    INTEGRATION.c.platform == CLOUD, INTEGRATION.c.kind == "system"
                )
            ).scalar()
        return found

    # -- integrations --------------------------------------------------------------------------------------
    @staticmethod
    def again(connection: Connection, row: Any) -> Any:
        """An integration as it stands inside a transaction. Raises NOT_FOUND when its draft was dropped meanwhile."""
        found = connection.execute(select(INTEGRATION).where(INTEGRATION.c.id == row.id)).first()
        if found is None:
            raise PerkstarError(
                ErrorKind.NOT_FOUND,
                f"{row.name} was removed meanwhile.",
                remedy="List the integrations again: `perkstar integrations list`.",
                integration_id=row.id,
            )
        return found

    def find(self, name_or_id: str, *, everything: bool = True) -> Any:
        """An integration by id, unique id prefix or name (any case). Raises NOT_FOUND or AMBIGUOUS."""
        with self.store.read() as connection:
            rows = connection.execute(
                select(INTEGRATION).where(INTEGRATION.c.kind != "system").order_by(INTEGRATION.c.id)
            ).all()
        wanted = name_or_id.strip()
        exact = [row for row in rows if row.id == wanted]
        if not exact:
            named = [row for row in rows if row.name.casefold() == wanted.casefold()]
            live = [row for row in named if row.status != Status.DISCONNECTED]
            exact = live or named
        if not exact and len(wanted) >= 3:
            exact = [row for row in rows if row.id.lower().startswith(wanted.lower())]
        if not exact:
            # A platform's name says enough while there is one integration of it.
            same = [row for row in rows if row.platform == wanted.lower()]
            exact = [row for row in same if row.status != Status.DISCONNECTED] or same
        if len(exact) == 1:
            return exact[0]
        if not exact:
            raise PerkstarError(
                ErrorKind.NOT_FOUND,
                f"There is no integration {wanted!r}.",
                remedy="`perkstar integrations --all` lists them.",
            )
        raise PerkstarError(
            ErrorKind.AMBIGUOUS,
            f"{wanted!r} could be {len(exact)} integrations: {', '.join(row.id for row in exact)}.",
            remedy="Give the whole id.",
        )

    def configure(self, row: Any) -> RunConfig:
        """An integration's settings, compiled for a run."""
        manifest = self.catalog[row.platform]
        account = self.account_row()
        config = row.config
        options = dict(config.get("options", {}))
        direction = Direction(config.get("direction", "both"))
        truth = SourceOfTruth(config.get("source_of_truth", "perkstar"))
        spec, sales = manifest.data.get(DataType.CUSTOMERS), manifest.data.get(DataType.TRANSACTIONS)
        given = config.get("credit_from")
        zone = account.timezone if account else "UTC"
        today = self.clock.now().astimezone(ZoneInfo(zone)).date()
        return RunConfig(
            integration_id=row.id,
            name=row.name,
            title=manifest.title,
            platform=row.platform,
            system=manifest.system,
            version=row.config_version,
            data=tuple(DataType(name) for name in config.get("data", ["customers"])),
            direction=direction,
            match=tuple(config.get("match", ["email", "phone"])),
            truth=truth,
            country=account.country if account else "GB",
            zone=zone,
            lines=compile_lines(
                config.get("mapping", {}).get("customers", []),
                direction,
                truth,
                account.country if account else "GB",
            ),
            batch=max(1, min(spec.batch_update, spec.batch_create)) if spec else 1,
            search_lag_s=spec.search_lag_s if spec else 0.0,
            options=options,
            earning=EarningRule.of(options),
            credit_from=datetime.fromisoformat(given) if given else None,
            template_id=config.get("template_id"),
            issue_cards=str(options.get("issue_cards", "never")),
            rows=sales.rows if sales is not None else None,
            books=sales.journal if sales is not None else None,
            currency=account.currency if account else "GBP",
            events=spec.events if spec is not None else None,
            sends=filter_of(options, TO_PLATFORM, today),
            takes=filter_of(options, TO_PERKSTAR, today),
            credits=filter_of(options, SALES, today),
            by_change=tuple(data for data, each in manifest.data.items() if each.by_change),
            full_compare=str(options.get(comparing.OPTION) or comparing.CHOICES[0]),
        )

    def connector(self, row: Any, held: leases.Held | None = None) -> Connector:
        """An open connector for an integration, with its stored credential."""
        credentials = StoredCredential(self.store, self.vault, row.id, self.clock)
        lines = row.config.get("mapping", {}).get("customers", [])
        return self.open(
            row.platform,
            credentials,
            row.config.get("options", {}),
            row.remote_account_id or "",
            [line["remote"] for line in lines],
            StoredInbox(self.store, row.id),
        )

    def open(
        self,
        platform: str,
        credentials: CredentialStore,
        options: dict[str, Any],
        account_id: str = "",
        paths: Sequence[str] = (),
        inbox: Inbox | None = None,
        perhaps: Sequence[str] = (),
    ) -> Connector:
        """A connector whose calls come out of the budget of `account_id` at that platform, and are counted; while the
        account is not known, out of those of all that it may `perhaps` be.

        `paths` are the mapped fields, for vendors that must be told which ones to give.
        """
        from perkstar_tui.platforms.registry import open_connector

        endpoints = dict(self.settings.endpoints)
        if platform == CLOUD and self.settings.api_url:
            endpoints[CLOUD] = self.settings.api_url
        own = f"{platform}:{account_id}"
        shared: Budgets = self.budgets
        if perhaps:
            shared = AnyOf(self.budgets, own, [f"{platform}:{one}" for one in perhaps])
        return open_connector(
            platform,
            credentials,
            manifest=self.catalog.get(platform),
            endpoints=endpoints,
            clock=self.clock,
            options=options,
            budgets=None if self.settings.read_only else shared,
            budget_name=own,
            paths=paths,
            inbox=inbox,
            on_call=lambda calls: self.calls.add(platform, calls, ms(self.clock.now())),
        )

    # -- who and what --------------------------------------------------------------------------------------
    @staticmethod
    def who() -> str:
        return who()

    def audit(
        self, connection: Connection, act: str, integration_id: str | None, old: Any = None, new: Any = None
    ) -> None:
        """One line of the audit trail, in the transaction of the act itself."""
        connection.execute(
            insert(AUDIT).values(
                id=new_id("aud"),
                at=self.clock.now(),
                who=self.who(),
                act=act,
                integration_id=integration_id,
                old=old,
                new=new,
            )
        )

    def close(self) -> None:
        self.calls.flush()
        self.store.close()


def is_here(url: str) -> bool:
    """Whether an address leads to this machine and nowhere else."""
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


Open = Callable[[], Bench]
