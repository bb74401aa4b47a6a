"""From rows to what is shown, pure and light: the hub's read models and the first look share it.

A row is anything with the columns as attributes; times are aware, JSON is parsed.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from perkstar_tui.model.enums import Direction, Kind, LinkState, Status
from perkstar_tui.model.errors import ErrorKind
from perkstar_tui.sync.decided import BY_HAND

from . import overview as v
from .health import Facts, counted_runs, health

LEAST_PACE = timedelta(seconds=2)
"""How long something must have been read before its pace says anything."""

FAILING = (LinkState.HELD.value, LinkState.DUPLICATE.value)


def count_link(counts: dict[str, int], state: str, code: str | None, number: int) -> None:
    """Add links of one state and code to the counts linked, held and failed."""
    if state == LinkState.LINKED:
        counts["linked"] = counts.get("linked", 0) + number
    elif state in FAILING and code not in BY_HAND:
        name = "failed" if code == ErrorKind.RECORD_REJECTED else "held"
        counts[name] = counts.get(name, 0) + number


def integration_view(
    row: Any,
    title: str,
    counts: dict[str, int],
    expires: datetime | None,
    recent: Sequence[Any],
    now: datetime,
    *,
    running: bool,
    heard: bool,
    hook_address: str = "",
    keys: Mapping[str, str] | None = None,
    to_enter: tuple[str, str] = ("", ""),
    renews: bool | None = None,
    pace: Mapping[str, int] | None = None,
) -> v.IntegrationView:
    """One row of Active Integrations.

    `recent` are its last runs, `heard` whether its webhooks are registered, `keys` what is shown of options that lie in
    the vault, `to_enter` what a person has still to enter by hand, and how; `renews` whether
    its credential does so by itself (None: as the form's name lets one think); `pace` where and when the reading that
    goes on began.
    """
    config = row.config
    linked, held, failed = counts.get("linked", 0), counts.get("held", 0), counts.get("failed", 0)
    # Short runs wait for a slot now and then: that is no sign of too little headroom.
    seconds = max(60.0, sum((run.ended - run.started).total_seconds() for run in recent))
    counted, good, failed_code = counted_runs(
        [(run.outcome, (run.error or {}).get("code", "")) for run in recent]
    )
    facts = Facts(
        status=row.status,
        title=title,
        frequency=config.get("frequency", "manual"),
        activated_at=row.activated_at,
        last_success=row.last_success,
        runs=counted,
        good_runs=good,
        linked=linked,
        held=held + failed,
        credential_expires=expires,
        refreshable=row.form.startswith("oauth") if renews is None else renews,
        throttled_share=min(1.0, sum(run.throttled_ms for run in recent) / 1000 / seconds),
        status_reason=row.status_reason,
        status_code=row.status_code or "",
        failed_code=failed_code,
        begun=not _unbegun(row),
        paused_by=row.paused_by,
        running=running,
        moved_at=row.progress_at,
        done=row.progress_done,
        total=row.progress_total,
        waits_until=row.next_run_at if row.status_code == ErrorKind.RATE_LIMITED else None,
    )
    state = health(facts, now)
    reason, remedy, key = _standing(row, title, held, failed, state, to_enter)
    return v.IntegrationView(
        id=row.id,
        name=row.name,
        platform=row.platform,
        kind=row.kind,
        status=row.status,
        running=running,
        date=row.activated_at or row.created_at,
        data=tuple(config.get("data", ())),
        direction=config.get("direction", "both"),
        frequency=config.get("frequency", "manual"),
        last_sync=row.last_sync,
        last_success=row.last_success,
        next_sync=None
        if row.status not in (Status.ACTIVE, Status.ERROR) or _unbegun(row)
        else row.next_run_at,
        health=state,
        counts=v.Counts(linked, held, failed),
        platform_title=title,
        status_reason=reason,
        status_remedy=remedy,
        status_key=key,
        progress_done=row.progress_done,
        progress_total=row.progress_total,
        paused_by=row.paused_by,
        account_name=row.remote_account_name,
        match=tuple(config.get("match", ())),
        source_of_truth=config.get("source_of_truth", "perkstar"),
        options={**config.get("options", {}), **_visible(config), **(keys or {})},
        scopes=tuple(row.scopes),
        owner=row.owner,
        purpose=row.purpose,
        credential_expires=None if facts.refreshable else expires,
        credential_renews=facts.refreshable,
        config_version=row.config_version,
        status_code=row.status_code or "",
        listening=_listening(row, heard),
        hook_address=hook_address,
        moved_at=row.progress_at if running else None,
        ends_at=ends_at(row, pace) if running and pace else None,
    )


def ends_at(row: Any, pace: Mapping[str, int]) -> datetime | None:
    """When a reading is through, if it goes on as it has from `from` at `since_ms` until it last moved."""
    done, total = row.progress_done, row.progress_total
    if done is None or not total or row.progress_at is None or not pace["from"] < done < total:
        return None
    took = row.progress_at - datetime.fromtimestamp(pace["since_ms"] / 1000, UTC)
    left: timedelta = took * (total - done) / (done - pace["from"])
    return row.progress_at + left if took >= LEAST_PACE else None


def _listening(row: Any, heard: bool) -> str:
    if row.config.get("frequency") != "realtime" or _only_told(row):
        return ""
    return "webhooks" if heard else "polling only"


def _unbegun(row: Any) -> bool:
    """Whether it is live and waits for a person: no schedule starts a first run that nobody has looked at."""
    return row.status in (Status.ACTIVE, Status.ERROR) and not (row.previewed or row.requested)


def _only_told(row: Any) -> bool:
    """Whether it is an endpoint of one's own that gives nothing: what counts there are deliveries."""
    return bool(row.kind == Kind.WEBHOOK and row.config.get("direction") == Direction.TO_PLATFORM)


def _visible(config: dict[str, Any]) -> dict[str, Any]:
    return {name: config[name] for name in ("credit_from", "template") if config.get(name)}


def _standing(
    row: Any, title: str, held: int, failed: int, state: v.HealthView, to_enter: tuple[str, str]
) -> tuple[str, str, str]:
    """The one sentence for what is wrong, what mends it, and the key."""
    if row.status == Status.RECONNECT_REQUIRED:
        refused = f"{title} refuses the credential; nothing is read or sent until it is renewed."
        own = row.kind == Kind.WEBHOOK and row.status_reason
        return (own or refused, "Reconnect", "R")
    if row.status == Status.ERROR and row.status_code == ErrorKind.MASS_CHANGE:
        return (row.status_reason, "Decide: look at it with w, then go on", "s")
    if row.status == Status.ERROR:
        return (row.status_reason or "The last runs failed.", "Look at the log", "l")
    if row.status == Status.PAUSED and row.status_code == ErrorKind.LOOP:
        return (f"Paused by {row.paused_by}: {row.status_reason}", "See which ones (!), then resume", "p")
    if row.status == Status.PAUSED:
        return (f"Paused by {row.paused_by}." if row.paused_by else "Paused.", "Resume", "p")
    if row.status_code == ErrorKind.RATE_LIMITED:
        return row.status_reason, "It goes on by itself", ""
    if _only_told(row) and (held or failed):
        noun, itself = (
            ("delivery was", "itself") if (held or failed) == 1 else ("deliveries were", "themselves")
        )
        said = "given up" if held else f"not taken yet and will be told again by {itself}"
        return (f"{held or failed} {noun} {said}.", "See which ones and why", "!")
    if failed:
        noun = "record was" if failed == 1 else "records were"
        return (f"{failed} {noun} refused by {title}.", "See which ones and why", "!")
    if held:
        noun = "record waits" if held == 1 else "records wait"
        return (f"{held} {noun} for a person to decide.", "See which ones and why", "!")
    if state.score < 80:
        return (state.reason, state.remedy, state.key)
    if _unbegun(row) and row.config.get("frequency") != "manual":
        reason = "It has not synced yet: its schedule begins after a first preview or sync."
        if row.last_success is not None:
            reason = "What both sides agreed on has changed with its mapping: its schedule waits for a preview or sync."
            return (reason, "Sync now, or see what it would do (w)", "s")
        return (reason, "Start the first sync, or see what it would do (w)", "s")
    return (*to_enter, "")


def plan_view(account: Any, tiers: Sequence[Any], rows: Sequence[Any]) -> v.PlanView:
    """The plan tile, and whom one could disconnect (B4). `rows` are all integrations but the cloud's link."""
    tier = next((row for row in tiers if account is not None and row.name == account.tier), tiers[0])
    counted = {"prebuilt": tier.counts_prebuilt, "api": tier.counts_api, "webhook": tier.counts_webhook}
    live = [row for row in rows if Status(row.status).counts and counted.get(row.kind, True)]
    allowed = account.allowed if account is not None and account.allowed is not None else tier.allowed
    used = len(live)
    of = f"{used} of {allowed}" if allowed is not None else f"{used} of unlimited"
    oldest = sorted(live, key=lambda row: (row.last_success or row.created_at, row.id))
    larger = [
        row.title for row in tiers if row.allowed is None or (allowed is not None and row.allowed > allowed)
    ]
    return v.PlanView(
        name=tier.title,
        used=used,
        allowed=allowed,
        remaining=None if allowed is None else max(0, allowed - used),
        line=f"{tier.title} Plan: {of} integrations used",
        free_up=tuple((row.id, row.name, row.last_success) for row in oldest[:3]),
        next_tier=larger[0] if larger and allowed is not None else None,
    )


def account_view(account: Any, link: Any, who: str) -> v.AccountView:
    """The header. `link` is the row of the cloud's system link, None in a local account."""
    state, at, message = "none", None, ""
    if not account.local:
        at = link.last_success if link is not None else None
        message = link.status_reason if link is not None else ""
        state = "ok" if at is not None else "never"
        if link is not None and link.status != Status.ACTIVE:
            state = "error"
    return v.AccountView(
        name=account.name,
        local=bool(account.local),
        cloud_state=state,  # type: ignore[arg-type]
        cloud_at=at,
        cloud_message=message,
        timezone=account.timezone,
        country=account.country,
        who=who,
    )


def key_view(account: Any, today: int, hours: Sequence[int]) -> v.KeyView:
    """The key tile: masked; a local account has no key of its own yet."""
    if account.local:
        note = "Keys for this account come with the gateway."
        return v.KeyView(None, "Local account", None, None, 0, (), note)
    label = "Perkstar cloud"
    return v.KeyView(account.key_masked, label, account.key_added, account.key_worked, today, tuple(hours))
