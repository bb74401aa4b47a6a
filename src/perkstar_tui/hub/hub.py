"""The hub: every act and question of screens and commands, over one bench (HubDoor)."""

import gc
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import func, select, update

from perkstar_tui.model.clock import Clock
from perkstar_tui.model.enums import Kind, Status, Trigger
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.store import tables as t
from perkstar_tui.sync import doubles as searching
from perkstar_tui.sync import planned
from perkstar_tui.sync.planned import Notes
from perkstar_tui.sync.runner import Runner, someone_runs

from . import (
    acts,
    connecting,
    customising,
    deciding,
    delivering,
    doubles,
    explaining,
    foreseeing,
    helping,
    listing,
    merging,
    people,
    plans,
    reading,
    settling,
    undo_showing,
    undoing,
    upkeep,
    why,
)
from . import queue as waiting_queue
from . import views as v
from .alerts.alerter import Alerter
from .alerts.desk import Alerts
from .aside import Aside
from .authorising import Authoriser
from .bench import ACCOUNT, CLOUD, INTEGRATION, Bench
from .health_detail import HealthDetail, health_detail
from .preview import mark_previewed, rehearse
from .receiver import Receiver
from .settings import Settings
from .showing import account_view, key_view
from .waiting import QueueItem, RecordCounts, SettlePlan, SettleView, WhyView


class Hub:
    """One process's door to everything below. Open it in a worker thread: it loads libraries and the store."""

    def __init__(self, settings: Settings, clock: Clock | None = None, *, aside: bool = False) -> None:
        """With `aside` the runner gets a process of its own, as a screen wants it."""
        self.bench = Bench(settings, clock)
        self.authoriser = Authoriser(self.bench)
        self.alerts = Alerts(self.bench)
        self._aside = aside
        self._runner: Runner | Aside | None = None
        self._lock = threading.Lock()
        self._rehearsed: tuple[Any, v.PreviewView, Notes] | None = None
        """The last preview, as long as it may be kept as it was shown."""

    # -- questions -----------------------------------------------------------------------------------------
    def state(self) -> str:
        return "new" if self.bench.account_row() is None else "ready"

    def account(self) -> v.AccountView:
        row = self.bench.need_account()
        with self.bench.store.read() as connection:
            link = connection.execute(
                select(INTEGRATION).where(INTEGRATION.c.platform == CLOUD, INTEGRATION.c.kind == "system")
            ).first()
        return account_view(row, link, self.bench.who().partition(" from ")[0])

    def plan(self) -> v.PlanView:
        return reading.plan(self.bench)

    def key(self) -> v.KeyView:
        return key_view(self.bench.need_account(), *reading.calls_today(self.bench, CLOUD))

    def reveal_key(self) -> str:
        cloud_id = self.bench.cloud_id()
        if cloud_id is None:
            raise PerkstarError(
                ErrorKind.NOT_FOUND,
                "A local account has no key of its own.",
                remedy="Keys for it come with the gateway.",
            )
        from .credentials import StoredCredential

        secret = StoredCredential(self.bench.store, self.bench.vault, cloud_id, self.bench.clock).read()
        return str(secret["api_key"])

    def integrations(self, *, everything: bool = False) -> list[v.IntegrationView]:
        return reading.integrations(self.bench, everything=everything)

    def integration(self, name_or_id: str) -> v.IntegrationView:
        row = self.bench.find(name_or_id)
        return next(view for view in reading.integrations(self.bench, everything=True) if view.id == row.id)

    def health(self, name_or_id: str) -> HealthDetail:
        return health_detail(self.bench, self.integration(name_or_id))

    def _id(self, name_or_id: str | None) -> str | None:
        return self.bench.find(name_or_id).id if name_or_id else None

    def runs(self, name_or_id: str | None = None, *, offset: int = 0, limit: int = 50) -> v.PageOf:
        return reading.runs(self.bench, self._id(name_or_id), offset, limit)

    def run(self, run_id: str) -> v.RunView:
        return reading.run(self.bench, run_id)

    def run_changes(self, run_id: str, *, offset: int = 0, limit: int = 100) -> v.PageOf:
        return undo_showing.changes(self.bench, run_id, offset, limit)

    def undo_run(
        self,
        run_id: str,
        *,
        dry_run: bool = False,
        outward: bool = False,
        archive_created: bool = False,
        limit: int | None = None,
    ) -> v.UndoView:
        if dry_run:
            return undoing.look(self.bench, run_id, outward=outward, limit=limit)
        return undoing.undo(self.bench, run_id, outward=outward, archive_created=archive_created, limit=limit)

    def log(
        self,
        name_or_id: str | None = None,
        *,
        level: str | None = None,
        code: str | None = None,
        record: str | None = None,
        since: datetime | None = None,
        text: str | None = None,
        only_open: bool = False,
        offset: int = 0,
        limit: int = 100,
    ) -> v.PageOf:
        filters = reading.LogFilter(self._id(name_or_id), level, code, record, since, text, only_open)
        return reading.log(self.bench, filters, offset=offset, limit=limit)

    def next_error(
        self,
        name_or_id: str | None,
        entry_id: str,
        *,
        newer: bool = False,
        level: str | None = None,
        code: str | None = None,
        since: datetime | None = None,
        text: str | None = None,
        only_open: bool = False,
    ) -> int | None:
        filters = reading.LogFilter(self._id(name_or_id), level, code, None, since, text, only_open)
        return reading.next_error(self.bench, filters, entry_id, newer=newer)

    def bundle(self, entry_id: str) -> str:
        entry = reading.log_entry(self.bench, entry_id)
        about: dict[str, Any] = {"entry": v.as_json(entry), "program": helping.version()}
        if entry.integration_id:
            view = self.integration(entry.integration_id) if self._is_shown(entry.integration_id) else None
            about["integration"] = v.as_json(view) if view else {"id": entry.integration_id}
        if entry.run_id:
            about["run"] = v.as_json(reading.run(self.bench, entry.run_id))
        return orjson.dumps(about, option=orjson.OPT_INDENT_2).decode()

    def _is_shown(self, integration_id: str) -> bool:
        return integration_id != self.bench.cloud_id()

    def records(
        self,
        name_or_id: str,
        *,
        state: str | None = None,
        data: str = "customers",
        text: str = "",
        offset: int = 0,
        limit: int = 100,
    ) -> v.PageOf:
        return listing.records(self.bench, self.bench.find(name_or_id).id, data, state, text, offset, limit)

    def record_counts(self, name_or_id: str, data: str = "customers") -> RecordCounts:
        return listing.counts(self.bench, self.bench.find(name_or_id).id, data)

    def why(self, record: str | None = None, name_or_id: str | None = None) -> WhyView:
        return why.why(self.bench, record, self._id(name_or_id))

    def record(
        self, any_id_or_email: str, name_or_id: str | None = None, *, fresh: bool = False
    ) -> v.RecordView:
        found = explaining.record(self.bench, any_id_or_email, self._id(name_or_id), fresh=fresh)
        settled = settling.conflicts(self.bench, self._id(name_or_id), 0, 20, found.id)
        return replace(found, conflicts=settled.items) if settled.items else found

    def customers(self, text: str = "", *, offset: int = 0, limit: int = 100) -> v.PageOf:
        return people.customers(self.bench, text, offset, limit)

    def export_customers(self) -> Iterator[dict[str, Any]]:
        return people.export_customers(self.bench)

    def export_to(self, target: Path | None = None) -> v.ExportView:
        from .exporting import export_to

        return export_to(self.bench, target)

    def transactions(
        self, customer: str | None = None, *, state: str | None = None, offset: int = 0, limit: int = 100
    ) -> v.PageOf:
        wanted = self.record(customer).id if customer else None
        return people.transactions(self.bench, wanted, state, offset, limit)

    def secret_settings(self, name_or_platform: str) -> tuple[str, ...]:
        wanted = name_or_platform.strip().lower()
        platform = wanted if wanted in self.bench.catalog else self.bench.find(name_or_platform).platform
        return tuple(option.name for option in self.bench.manifest(platform).options if option.secret)

    def endpoints(self) -> list[v.EndpointView]:
        return delivering.endpoints(self.bench)

    def deliveries(
        self, name_or_id: str, *, state: str | None = None, offset: int = 0, limit: int = 50
    ) -> v.PageOf:
        return delivering.deliveries(self.bench, self.bench.find(name_or_id), state, offset, limit)

    def delivery(self, delivery_id: str) -> v.DeliveryView:
        return delivering.delivery(self.bench, delivery_id)

    def webhook_secret(self, name_or_id: str) -> str:
        return delivering.secret(self.bench, self.bench.find(name_or_id))

    def conflicts(self, name_or_id: str | None = None, *, offset: int = 0, limit: int = 100) -> v.PageOf:
        return settling.conflicts(self.bench, self._id(name_or_id), offset, limit)

    def queue(
        self, name_or_id: str | None = None, *, kind: str | None = None, offset: int = 0, limit: int = 50
    ) -> v.PageOf:
        return waiting_queue.queue(self.bench, self._id(name_or_id), kind, offset, limit)

    def queue_item(self, item_id: str) -> QueueItem:
        return waiting_queue.item(self.bench, item_id)

    def plan_settle(
        self,
        item_id: str,
        take: str,
        *,
        all_like: bool = False,
        always: bool = False,
        fields: Mapping[str, str] | None = None,
    ) -> SettlePlan:
        return deciding.plan(self.bench, item_id, take, all_like=all_like, always=always, fields=fields or {})

    def settle(
        self,
        item_id: str,
        take: str,
        *,
        all_like: bool = False,
        always: bool = False,
        fields: Mapping[str, str] | None = None,
    ) -> SettleView:
        return deciding.settle(
            self.bench, item_id, take, all_like=all_like, always=always, fields=fields or {}
        )

    def unsettle(self, settlement_id: str) -> SettleView:
        return deciding.undo(self.bench, settlement_id)

    def settled(self, name_or_id: str | None = None, *, limit: int = 50) -> list[SettleView]:
        return deciding.settled(self.bench, self._id(name_or_id), limit)

    def undo_conflict(self, conflict_id: str) -> v.RecordView:
        return self.record(settling.undo(self.bench, conflict_id))

    def duplicates(
        self,
        name_or_id: str | None = None,
        *,
        state: str = "open",
        min_score: int = 0,
        offset: int = 0,
        limit: int = 100,
    ) -> v.PageOf:
        row = self.bench.find(name_or_id) if name_or_id else None
        return doubles.duplicates(self.bench, row, state, min_score, offset, limit)

    def duplicate(self, pair_id: str) -> v.DuplicateView:
        return doubles.pair(self.bench, pair_id)

    def new_duplicates(self, since: datetime | None = None) -> int:
        return doubles.new_since(self.bench, since)

    def find_duplicates(
        self, name_or_id: str | None = None, *, progress: Callable[[int], None] = lambda done: None
    ) -> v.DuplicateSearch:
        row = self.bench.find(name_or_id) if name_or_id else None
        return doubles.find(self.bench, row, progress=progress)

    def plan_merge(self, a: str, b: str, *, keep: str | None = None, take: Sequence[str] = ()) -> v.MergePlan:
        return merging.plan(self.bench, self._customer_id(a), self._customer_id(b), keep, take)

    def merge(self, a: str, b: str, *, keep: str | None = None, take: Sequence[str] = ()) -> v.MergeView:
        return merging.merge(self.bench, self._customer_id(a), self._customer_id(b), keep, take)

    def unmerge(self, merge_id: str) -> v.MergeView:
        return merging.unmerge(self.bench, merge_id)

    def dismiss_duplicate(self, pair_id: str, *, again: bool = False) -> v.DuplicateView:
        merging.dismiss(self.bench, pair_id, again=again)
        return doubles.pair(self.bench, pair_id)

    def _customer_id(self, wanted: str) -> str:
        return wanted if wanted.startswith("cus_") else self.record(wanted).id

    def codes(self) -> list[v.CodeView]:
        return helping.codes()

    def history(self, name_or_id: str) -> list[v.VersionView]:
        return acts.history(self.bench, self.bench.find(name_or_id))

    def tiers(self) -> list[v.TierView]:
        return reading.tiers(self.bench)

    def mapping(self, name_or_id: str) -> list[v.MappingLine]:
        return helping.mapping(self.bench, self.bench.find(name_or_id))

    def suggest_mapping(self, name_or_id: str) -> list[v.MappingLine]:
        return connecting.suggest_mapping(self.bench, self.bench.find(name_or_id))

    def mapping_choices(self, name_or_id: str) -> v.MappingChoices:
        return connecting.mapping_choices(self.bench, self.bench.find(name_or_id))

    def catalog(self) -> list[v.CatalogItem]:
        return helping.catalog(self.bench)

    def validate_manifest(
        self, file: Path, url: str | None = None, credential: dict[str, Any] | None = None
    ) -> v.ManifestView:
        manifest, view = customising.validate(file)
        if url is None or manifest is None or not view.ok:
            return view
        trial = customising.try_out(manifest, url, credential or {}, self.bench.clock)
        return replace(view, ok=trial.ok, trial=trial)

    def manifest_schema(self) -> dict[str, Any]:
        return customising.schema()

    def add_manifest(self, file: Path) -> v.ManifestView:
        return replace(customising.add(self.bench, file), added=True)

    def guide(self, platform: str) -> v.Guide:
        return helping.guide(self.bench, platform)

    def doctor(self) -> v.DoctorView:
        return helping.doctor(self.bench)

    def check_store(self) -> v.DoctorView:
        return upkeep.check(self.bench)

    def repair_store(self) -> tuple[str, ...]:
        return upkeep.repair(self.bench)

    def kept_days(self, given: Mapping[str, str] | None = None) -> dict[str, int]:
        """For how many days each kind of history is kept, after `given` was set."""
        return upkeep.set_days(self.bench, given) if given else upkeep.kept_days(self.bench)

    def prune(self) -> dict[str, int]:
        return upkeep.prune(self.bench)

    def where(self) -> dict[str, str]:
        home = self.bench.settings.home
        return {
            "home": str(home),
            "config": str(home / "config.toml"),
            "data": self.bench.settings.database_url,
        }

    def recall(self, name: str) -> str | None:
        """How a view was left, such as its sort order; None when it never was."""
        kept = self.bench.store.get_setting(f"view:{name}")
        return None if kept is None else str(kept)

    def remember(self, name: str, value: str) -> None:
        """Keep how a view was left, over restarts; a store opened read-only keeps nothing."""
        if not self.bench.settings.read_only and self.recall(name) != value:
            self.bench.store.set_setting(f"view:{name}", value)

    def changes(self) -> int:
        return self.bench.store.changes()

    # -- acts ----------------------------------------------------------------------------------------------
    def sync(
        self,
        name_or_id: str,
        *,
        full: bool = False,
        dry_run: bool = False,
        accept_mass_change: bool = False,
        wait: bool = False,
        plan: str | None = None,
        on_start: Callable[[str], None] = lambda run_id: None,
    ) -> v.RunView | None:
        """Run now. Without `wait` a live runner takes it and None is answered; with none alive it runs here."""
        row = self.bench.find(name_or_id)
        self.bench.engine.refuse_inactive(row)
        if plan is not None:
            # Refused at once, and not first by whoever takes the run.
            planned.claim(self.bench.store, row, plan, self.bench.clock.now())
        if dry_run:
            raise PerkstarError(ErrorKind.USAGE, "A dry run is answered by preview.", remedy="Use preview.")
        if not wait and (isinstance(self._runner, Aside) or someone_runs(self.bench.store, self.bench.clock)):
            acts.request_run(self.bench, row, full=full, accept=accept_mass_change, plan=plan)
            return None
        run_id = connecting.run_now(
            self.bench.engine.run(
                row.id,
                Trigger.MANUAL,
                full=full,
                accept_mass_change=accept_mass_change,
                plan=plan,
                on_start=on_start,
            )
        )
        return reading.run(self.bench, run_id)

    def pause(self, name_or_id: str, reason: str = "") -> v.IntegrationView:
        row = self.bench.find(name_or_id)
        acts.pause(self.bench, row, reason)
        return self.integration(row.id)

    def resume(self, name_or_id: str) -> v.IntegrationView:
        row = self.bench.find(name_or_id)
        acts.resume(self.bench, row)
        return self.integration(row.id)

    def reconnect(self, name_or_id: str, credentials: dict[str, Any]) -> v.IntegrationView:
        row = self.bench.find(name_or_id)
        connecting.reconnect(self.bench, row, credentials)
        return self.integration(row.id)

    def disconnect(self, name_or_id: str, reason: str = "") -> v.IntegrationView:
        row = self.bench.find(name_or_id)
        connecting.disconnect(self.bench, row, reason)
        return self.integration(row.id)

    def impact(self, act: str, name_or_id: str) -> v.ImpactView:
        return helping.impact(self.bench, act, self.integration(name_or_id))

    def edit(self, name_or_id: str, settings: dict[str, str]) -> v.IntegrationView:
        row = self.bench.find(name_or_id)
        acts.edit(self.bench, row, settings)
        return self.integration(row.id)

    def foresee(
        self,
        name_or_id: str,
        settings: dict[str, str] | None = None,
        lines: Sequence[v.MappingLine] | None = None,
    ) -> v.ChangeView:
        row = self.bench.find(name_or_id)
        if lines is not None:
            return foreseeing.of_mapping(self.bench, row, lines)
        return foreseeing.of_settings(self.bench, row, settings or {})

    def set_mapping(self, name_or_id: str, lines: Sequence[v.MappingLine]) -> list[v.MappingLine]:
        row = self.bench.find(name_or_id)
        acts.set_mapping(self.bench, row, lines)
        return self.mapping(row.id)

    def rollback(self, name_or_id: str, version: int) -> v.IntegrationView:
        row = self.bench.find(name_or_id)
        acts.rollback(self.bench, row, version)
        return self.integration(row.id)

    def import_customers(self, rows: Iterable[Mapping[str, Any]]) -> v.ImportView:
        return people.import_customers(self.bench, rows)

    def run_due(self) -> list[v.RunView]:
        """Run everything that is due now, one after another, and answer how it went."""
        found = []
        for id_, trigger in Runner(self.bench.store, self.bench.engine, self.bench.clock).due():
            try:
                run_id = connecting.run_now(self.bench.engine.run(id_, trigger))
            except PerkstarError:
                continue
            found.append(reading.run(self.bench, run_id))
        self.alerts.once()
        return found

    def retry(self, name_or_id: str, record_ids: Sequence[str] = ()) -> int:
        return acts.retry(self.bench, self.bench.find(name_or_id), record_ids)

    def rotate_secret(self, name_or_id: str, *, done: bool = False) -> str:
        row = self.bench.find(name_or_id)
        secret = delivering.rotated(self.bench, row, done=done)
        connecting.reconnect(self.bench, row, {"secret": secret})
        return secret.split()[0]

    def redeliver(self, name_or_id: str, delivery_ids: Sequence[str] = (), *, dead: bool = False) -> int:
        return delivering.redeliver(self.bench, self.bench.find(name_or_id), delivery_ids, dead=dead)

    def test(self, name_or_id: str) -> v.TestView:
        return connecting.test_connection(self.bench, self.bench.find(name_or_id))

    def preview(self, name_or_id: str, limit: int | None = None, *, keep: bool = False) -> v.PreviewView:
        row = self.bench.find(name_or_id)
        if keep:
            plans.refuse_unplanned(self.bench, row)
        if row.status == Status.DISCONNECTED:
            raise PerkstarError(ErrorKind.USAGE, f"{row.name} is disconnected.", integration_id=row.id)
        connecting.run_now(self._complete_sweep())
        row = self.bench.find(row.id)
        view, notes = connecting.run_now(rehearse(self.bench, row, full=False, limit=limit))
        mark_previewed(self.bench, row.id)
        self._rehearsed = (row, view, notes)
        if keep:
            kept = plans.keep(self.bench, row, view, notes)
            view = replace(view, plan=kept.id, expires=kept.expires)
        return view

    def keep_plan(self, name_or_id: str) -> v.PlanSummary:
        row = self.bench.find(name_or_id)
        plans.refuse_unplanned(self.bench, row)
        last = self._rehearsed
        if last is None or last[0].id != row.id:
            raise PerkstarError(
                ErrorKind.PREVIEW_OWED, f"{row.name} has not been previewed here.", remedy="Preview it first."
            )
        return plans.keep(self.bench, *last)

    def kept_plans(self, name_or_id: str) -> list[v.PlanSummary]:
        return plans.kept(self.bench, self.bench.find(name_or_id))

    async def _complete_sweep(self) -> None:
        """The cloud's sweep stands before a preview, so that it compares with what the cloud has."""
        cloud_id = self.bench.cloud_id()
        if cloud_id is None:
            return
        with self.bench.store.read() as connection:
            swept = connection.execute(
                select(func.count()).select_from(t.Cursor).where(t.Cursor.c.data == "cloud")
            ).scalar_one()
        if not swept:
            await self.bench.engine.run(cloud_id, Trigger.FIRST)

    # -- connecting ----------------------------------------------------------------------------------------
    def attach_cloud(self, api_key: str) -> v.AccountView:
        connecting.attach_cloud(self.bench, api_key)
        return self.account()

    def attach_local(self, name: str) -> v.AccountView:
        connecting.attach_local(self.bench, name)
        return self.account()

    def replace_key(self, api_key: str) -> v.KeyView:
        connecting.attach_cloud(self.bench, api_key)
        return self.key()

    def draft(self, platform: str) -> v.DraftView:
        return helping.draft(self.bench, platform)

    def authorize_link(self, platform: str, form: str, client: dict[str, str]) -> v.AuthorizeLink:
        return self.authoriser.link(platform, form, client)

    def authorize_wait(self, ticket: str, seconds: float) -> dict[str, Any] | None:
        return self.authoriser.wait(ticket, seconds)

    def authorize_paste(self, ticket: str, address: str) -> dict[str, Any]:
        return self.authoriser.paste(ticket, address)

    def connect(
        self,
        platform: str,
        credentials: dict[str, Any],
        *,
        name: str | None = None,
        settings: dict[str, str] | None = None,
        activate: bool = True,
    ) -> v.IntegrationView:
        if activate:
            self._look_before(platform)
        id_ = connecting.connect(self.bench, platform, credentials, name, settings or {}, activate=activate)
        return self.integration(id_)

    def _look_before(self, platform: str) -> None:
        """Know who is in the cloud before an endpoint is told of what is new: they are not."""
        if self.bench.manifest(platform).kind is Kind.WEBHOOK and self.bench.account_row() is not None:
            connecting.run_now(self._complete_sweep())

    def activate(self, name_or_id: str) -> v.IntegrationView:
        row = self.bench.find(name_or_id)
        self._look_before(row.platform)
        acts.activate(self.bench, row)
        return self.integration(row.id)

    def drop_draft(self, name_or_id: str) -> None:
        connecting.drop_draft(self.bench, self.bench.find(name_or_id))

    def set_plan(self, tier: str) -> v.PlanView:
        """Change the plan; a downgrade below present use is refused with the reason (B5)."""
        plans = t.PlanTier
        wanted = tier.strip().lower()
        account = self.bench.need_account()
        with self.bench.store.write() as connection:
            row = connection.execute(select(plans).where(plans.c.name == wanted)).first()
            if row is None:
                names = [r.name for r in connection.execute(select(plans.c.name).order_by(plans.c.position))]
                raise PerkstarError(
                    ErrorKind.USAGE, f"There is no plan {tier!r}.", remedy=f"Plans: {', '.join(names)}."
                )
            used = reading.plan(self.bench, connection).used
            if row.allowed is not None and used > row.allowed:
                raise PerkstarError(
                    ErrorKind.PLAN_LIMIT,
                    f"{used} integrations are in use and the {row.title} plan has {row.allowed}.",
                    remedy=f"Disconnect {used - row.allowed} first.",
                )
            connection.execute(update(ACCOUNT).where(ACCOUNT.c.id == account.id).values(tier=wanted))
            self.bench.audit(connection, "plan", None, account.tier, wanted)
        return self.plan()

    # -- runner --------------------------------------------------------------------------------------------
    def start_runner(self, concurrency: int = 4) -> None:
        with self._lock:
            if self._runner is not None or self.bench.settings.read_only:
                return
            if self._aside:
                self._runner = Aside(self.bench.settings, concurrency)
            else:
                self._runner = Runner(
                    self.bench.store,
                    self.bench.engine,
                    self.bench.clock,
                    concurrency=concurrency,
                    beside=(
                        Receiver(self.bench).serve,
                        Alerter(self.bench).serve,
                        searching.beside(self.bench.store, self.bench.clock),
                        partial(upkeep.beside, self.bench),
                    ),
                )
            self._runner.start()

    def stop_runner(self) -> None:
        with self._lock:
            if self._runner is not None:
                self._runner.stop()
                self._runner = None

    def close(self) -> None:
        self.stop_runner()
        self.authoriser.close()
        self.bench.close()


def open_hub(settings: Settings, *, aside: bool = False) -> Hub:
    # What was loaded so far stays: a run makes records by the hundred thousand, and each search for garbage would go
    # through all of it again (a tenth of a first read).
    gc.freeze()
    if aside:
        # A screen must not stand still for a long search either.
        gc.set_threshold(50_000, 10, 10)
    return Hub(settings, aside=aside)
