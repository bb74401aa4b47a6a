"""The door that screens and commands go through: one method an act or a question.

Every method is plain and may wait on the disk or the network, so a screen calls it from a worker thread.
Wrong use raises PerkstarError with what, why and the remedy; nothing is half done after one.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from . import views as v
from .alerts.desk import Alerts
from .health_detail import HealthDetail
from .waiting import QueueItem, RecordCounts, SettlePlan, SettleView, WhyView


class HubDoor(Protocol):
    @property
    def alerts(self) -> Alerts:
        """The alerts and the routes on which they are told."""

    # -- questions
    def state(self) -> str:
        """`new` before any account exists, else `ready`."""

    def account(self) -> v.AccountView: ...
    def plan(self) -> v.PlanView: ...
    def key(self) -> v.KeyView: ...
    def reveal_key(self) -> str: ...
    def integrations(self, *, everything: bool = False) -> list[v.IntegrationView]: ...
    def integration(self, name_or_id: str) -> v.IntegrationView: ...
    def health(self, name_or_id: str) -> HealthDetail:
        """Everything an integration's health is made of."""

    def runs(self, name_or_id: str | None = None, *, offset: int = 0, limit: int = 50) -> v.PageOf: ...
    def run(self, run_id: str) -> v.RunView: ...
    def run_changes(self, run_id: str, *, offset: int = 0, limit: int = 100) -> v.PageOf:
        """What a run changed, record by record, with the values before."""

    def undo_run(
        self,
        run_id: str,
        *,
        dry_run: bool = False,
        outward: bool = False,
        archive_created: bool = False,
        limit: int | None = None,
    ) -> v.UndoView:
        """Take a run back, or say what that would do; CONFLICT where nothing can go back any more."""

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
        """Newest first."""

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
        """The place, in the log filtered so, of the nearest error older (or newer) than an entry; None if there is
        none.
        """

    def secret_settings(self, name_or_platform: str) -> tuple[str, ...]:
        """The settings of an integration or a platform whose values are secrets: they lie in the vault."""

    def endpoints(self) -> list[v.EndpointView]:
        """The webhooks of one's own, with how their deliveries stand."""

    def deliveries(
        self, name_or_id: str, *, state: str | None = None, offset: int = 0, limit: int = 50
    ) -> v.PageOf:
        """Newest first; `state` is pending, delivered or dead."""

    def delivery(self, delivery_id: str) -> v.DeliveryView: ...
    def webhook_secret(self, name_or_id: str) -> str: ...
    def bundle(self, entry_id: str) -> str:
        """A support bundle of one log entry as text, secrets removed."""

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
        """A part of the three lists (in step, left out, failing) of a data type; together they are complete."""

    def record_counts(self, name_or_id: str, data: str = "customers") -> RecordCounts: ...
    def record(
        self, any_id_or_email: str, name_or_id: str | None = None, *, fresh: bool = False
    ) -> v.RecordView:
        """One record everywhere, and what keeps it from where it is not; `fresh` asks the platforms for it now."""

    def why(self, record: str | None = None, name_or_id: str | None = None) -> WhyView:
        """Why data is not where it should be, step by step, answered from the store and the platform."""

    def mapping(self, name_or_id: str) -> list[v.MappingLine]: ...
    def suggest_mapping(self, name_or_id: str) -> list[v.MappingLine]:
        """Lines that could be added, by the names of the platform's fields; asks the platform."""

    def mapping_choices(self, name_or_id: str) -> v.MappingChoices:
        """Fields of both sides and the transforms; asks the platform."""

    def history(self, name_or_id: str) -> list[v.VersionView]:
        """Versions of the settings, newest first."""

    def duplicates(
        self,
        name_or_id: str | None = None,
        *,
        state: str = "open",
        min_score: int = 0,
        offset: int = 0,
        limit: int = 100,
    ) -> v.PageOf:
        """Pairs that may be one person, the likeliest first; with an integration those among its records there."""

    def find_duplicates(self, name_or_id: str | None = None) -> v.DuplicateSearch:
        """Look through all customers again, or through the records of an integration's platform."""

    def plan_merge(self, a: str, b: str, *, keep: str | None = None, take: Sequence[str] = ()) -> v.MergePlan:
        """What `merge` would do, with nothing done."""

    def merge(self, a: str, b: str, *, keep: str | None = None, take: Sequence[str] = ()) -> v.MergeView:
        """Make two customers one; `keep` stays, and the fields in `take` are taken from the other."""

    def unmerge(self, merge_id: str) -> v.MergeView:
        """Put both back as they were; CONFLICT that names what stands in the way."""

    def dismiss_duplicate(self, pair_id: str, *, again: bool = False) -> v.DuplicateView:
        """Say that a pair is two people; `again` takes that back."""

    def queue(
        self, name_or_id: str | None = None, *, kind: str | None = None, offset: int = 0, limit: int = 50
    ) -> v.PageOf:
        """What waits for a person, the oldest first, then what a rule has settled (hub/waiting.py: QueueItem)."""

    def queue_item(self, item_id: str) -> QueueItem: ...
    def plan_settle(
        self,
        item_id: str,
        take: str,
        *,
        all_like: bool = False,
        always: bool = False,
        fields: Mapping[str, str] | None = None,
    ) -> SettlePlan:
        """What `settle` would do, with nothing done."""

    def settle(
        self,
        item_id: str,
        take: str,
        *,
        all_like: bool = False,
        always: bool = False,
        fields: Mapping[str, str] | None = None,
    ) -> SettleView:
        """Carry a choice out for one item, or for all that wait for the same reason; `always` makes it a rule."""

    def unsettle(self, settlement_id: str) -> SettleView:
        """Take a settlement back; CONFLICT that names what stands in the way."""

    def codes(self) -> list[v.CodeView]:
        """The catalogue of error codes."""

    def catalog(self) -> list[v.CatalogItem]: ...
    def validate_manifest(
        self, file: Path, url: str | None = None, credential: dict[str, Any] | None = None
    ) -> v.ManifestView:
        """What is wrong with a manifest; with `url` its reading parts are tried there as well."""

    def manifest_schema(self) -> dict[str, Any]:
        """The JSON Schema of a manifest."""

    def add_manifest(self, file: Path) -> v.ManifestView:
        """Take an admin's manifest into the catalog."""

    def guide(self, platform: str) -> v.Guide: ...
    def doctor(self) -> v.DoctorView: ...
    def where(self) -> dict[str, str]: ...
    def recall(self, name: str) -> str | None:
        """How a view was left, such as its sort order."""

    def remember(self, name: str, value: str) -> None:
        """Keep how a view was left, over restarts."""

    def changes(self) -> int:
        """A number that grows whenever anything in the store changed, by whatever process; cheap to ask often."""

    # -- acts on an integration
    def sync(
        self,
        name_or_id: str,
        *,
        full: bool = False,
        dry_run: bool = False,
        accept_mass_change: bool = False,
        wait: bool = False,
        plan: str | None = None,
    ) -> v.RunView | None:
        """Run now; with `plan` exactly what that kept plan has (H12)."""

    def pause(self, name_or_id: str, reason: str = "") -> v.IntegrationView: ...
    def resume(self, name_or_id: str) -> v.IntegrationView: ...
    def reconnect(self, name_or_id: str, credentials: dict[str, Any]) -> v.IntegrationView: ...
    def disconnect(self, name_or_id: str, reason: str = "") -> v.IntegrationView: ...
    def undo_conflict(self, conflict_id: str) -> v.RecordView:
        """Give the field its other value; CONFLICT where it has changed again since."""

    def export_to(self, target: Path | None = None) -> v.ExportView:
        """Every customer in a private file; without a target it is made in the home. USAGE where it can't be."""

    def impact(self, act: str, name_or_id: str) -> v.ImpactView:
        """What `pause`, `resync`, `reconnect` or `disconnect` would do."""

    def edit(self, name_or_id: str, settings: dict[str, str]) -> v.IntegrationView: ...
    def foresee(
        self,
        name_or_id: str,
        settings: dict[str, str] | None = None,
        lines: Sequence[v.MappingLine] | None = None,
    ) -> v.ChangeView:
        """What `edit` with these settings, or `set_mapping` with these lines, would do; nothing is kept (K6)."""

    def set_mapping(self, name_or_id: str, lines: Sequence[v.MappingLine]) -> list[v.MappingLine]: ...
    def rollback(self, name_or_id: str, version: int) -> v.IntegrationView:
        """Put the settings of an earlier version back, as a new version."""

    def retry(self, name_or_id: str, record_ids: Sequence[str] = ()) -> int:
        """Marks held or failed records as due; answers how many."""

    def rotate_secret(self, name_or_id: str, *, done: bool = False) -> str:
        """A new secret for an endpoint of one's own, beside the one before; `done` lets go of that.

        Answers the new one.
        """

    def redeliver(self, name_or_id: str, delivery_ids: Sequence[str] = (), *, dead: bool = False) -> int:
        """Tell deliveries again: those named, or all that were given up. Answers how many."""

    def test(self, name_or_id: str) -> v.TestView: ...
    def preview(self, name_or_id: str, limit: int | None = None, *, keep: bool = False) -> v.PreviewView: ...
    def keep_plan(self, name_or_id: str) -> v.PlanSummary:
        """Keep the preview that was just made, as it was shown. PREVIEW_OWED where there is none."""

    def kept_plans(self, name_or_id: str) -> list[v.PlanSummary]: ...

    # -- connecting
    def attach_cloud(self, api_key: str) -> v.AccountView: ...
    def attach_local(self, name: str) -> v.AccountView: ...
    def replace_key(self, api_key: str) -> v.KeyView:
        """The new key is tested before it takes the old one's place."""

    def draft(self, platform: str) -> v.DraftView:
        """Begin to connect, or take up the draft that was left."""

    def authorize_link(self, platform: str, form: str, client: dict[str, str]) -> v.AuthorizeLink: ...
    def authorize_wait(self, ticket: str, seconds: float) -> dict[str, Any] | None:
        """The credential if the loopback listener has caught the answer within `seconds`."""

    def authorize_paste(self, ticket: str, address: str) -> dict[str, Any]: ...
    def connect(
        self,
        platform: str,
        credentials: dict[str, Any],
        *,
        name: str | None = None,
        settings: dict[str, str] | None = None,
        activate: bool = True,
    ) -> v.IntegrationView: ...
    def activate(self, name_or_id: str) -> v.IntegrationView: ...
    def drop_draft(self, name_or_id: str) -> None: ...
    def set_plan(self, tier: str) -> v.PlanView: ...

    # -- the runner behind the screen
    def start_runner(self, concurrency: int = 4) -> None: ...
    def stop_runner(self) -> None: ...
    def close(self) -> None: ...
