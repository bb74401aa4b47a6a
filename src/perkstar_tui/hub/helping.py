"""Answers made from the catalog and the set-up: mapping lines, catalog, guides, impacts, drafts, doctor."""

import sys
from collections import Counter
from importlib.metadata import version as installed
from typing import Any

from sqlalchemy import func, select

from perkstar_tui.model.enums import DataType, Direction, Kind, LinkState, Status
from perkstar_tui.model.errors import CATALOGUE, ErrorKind, PerkstarError
from perkstar_tui.model.remote import MOMENTS
from perkstar_tui.platforms.guide import guide_of
from perkstar_tui.platforms.manifest import AuthForm, CredentialField, Manifest
from perkstar_tui.store import leases
from perkstar_tui.sync.mapping import transform

from . import views as v
from .bench import CLOUD, INTEGRATION, Bench
from .by_hand import to_do
from .reading import CREDENTIAL, CUSTOMER, LINK, registered, shown_keys


def version() -> str:
    return installed("perkstar-tui")


def codes() -> list[v.CodeView]:
    """The catalogue of error codes, from the one table there is (E9)."""
    return [
        v.CodeView(kind.value, facts.meaning, facts.policy, facts.remedy, facts.exit_code)
        for kind, facts in CATALOGUE.items()
    ]


def mapping(bench: Bench, row: Any) -> list[v.MappingLine]:
    """The customers' mapping with an example from a real customer and what the check says."""
    with bench.store.read() as connection:
        example = connection.execute(
            select(CUSTOMER)
            .where(CUSTOMER.c.email.is_not(None))
            .order_by(CUSTOMER.c.revision.desc())
            .limit(1)
        ).first()
        account = bench.account_row(connection)
    sample = dict(example._mapping) if example is not None else {}
    country = account.country if account else "GB"
    lines = []
    for entry in row.config["mapping"].get("customers", []):
        hub = sample.get(entry["hub"])
        made = transform(entry["transform"], country)
        out = made.compose(sample) if made.compose else made.out(hub) if hub is not None else None
        lines.append(
            v.MappingLine(
                data=DataType.CUSTOMERS.value,
                hub=entry["hub"],
                remote=entry["remote"],
                direction=entry["direction"],
                transform=entry["transform"],
                label=entry.get("label") or entry["remote"],
                example="" if out is None else str(out),
                check="made there if missing" if entry.get("create") else "",
                required=bool(entry.get("required")),
                may_clear=bool(entry.get("may_clear")),
            )
        )
    return lines


def _directions(manifest: Manifest) -> tuple[str, ...]:
    inward = any(spec.to_perkstar for spec in manifest.data.values())
    outward = any(spec.to_platform for spec in manifest.data.values())
    found = []
    if inward and outward:
        found.append(Direction.BOTH.value)
    if outward:
        found.append(Direction.TO_PLATFORM.value)
    if inward:
        found.append(Direction.TO_PERKSTAR.value)
    return tuple(found)


def catalog(bench: Bench) -> list[v.CatalogItem]:
    """All platforms by category: those that work with their abilities, the planned ones by name."""
    from perkstar_tui.platforms.catalog import PLANNED

    with bench.store.read() as connection:
        rows = connection.execute(select(INTEGRATION.c.platform, INTEGRATION.c.status)).all()
    counts = Counter(row.platform for row in rows if Status(row.status).counts)
    items = []
    for planned in PLANNED:
        manifest = bench.catalog.get(planned.name)
        if manifest is None:
            items.append(
                v.CatalogItem(
                    planned.name,
                    planned.title,
                    planned.category,
                    planned.kind.value,
                    (),
                    (),
                    (),
                    False,
                    "planned",
                    planned.notes,
                )
            )
        else:
            items.append(_working(manifest, manifest.category, counts[planned.name]))
    own = [manifest for manifest in bench.catalog.values() if manifest.kind is Kind.API]
    return items + [_working(manifest, CUSTOM, counts[manifest.name]) for manifest in own]


CUSTOM = "Custom"
"""The category of the admin's own platforms."""


def _working(manifest: Manifest, category: str, connected: int) -> v.CatalogItem:
    customers = manifest.data.get(DataType.CUSTOMERS)
    return v.CatalogItem(
        name=manifest.name,
        title=manifest.title,
        category=category,
        kind=manifest.kind.value,
        auth=tuple(form.id for form in manifest.auth),
        data=tuple(data.value for data in manifest.data),
        directions=_directions(manifest),
        realtime=manifest.realtime,
        status="working",
        notes=manifest.notes,
        connected=connected,
        events=MOMENTS if customers is not None and customers.events is not None else (),
        options=tuple(
            v.OptionView(o.name, o.label, o.help, o.default, o.choices, o.number, o.secret)
            for o in manifest.options
        ),
        compares=any(spec.by_change for spec in manifest.data.values()),
    )


def guide(bench: Bench, platform: str) -> v.Guide:
    """A platform's guide, drawn from its manifest so that it can't go stale (K1)."""
    manifest = bench.manifest(platform)
    return v.Guide(manifest.name, manifest.title, guide_of(manifest))


def forms(manifest: Manifest, *, app_known: bool = False) -> tuple[v.AuthFormView, ...]:
    """How one can authorise, the one-account token first (G3). An app that is kept already is not asked for again."""
    ordered = sorted(manifest.auth, key=lambda form: form.type == "oauth2")
    return tuple(
        v.AuthFormView(
            id=form.id,
            title=form.title,
            oauth=form.type == "oauth2",
            fields=tuple(
                v.AuthField(f.name, f.label, f.secret, f.help, _optional(form, f))
                for f in form.fields
                if not (app_known and form.type == "oauth2")
            ),
            permissions=tuple(scope.plain_words for scope in form.scopes),
        )
        for form in ordered
    )


def _optional(form: AuthForm, field: CredentialField) -> bool:
    """Whether a field may stay empty: it is made, or the vendor goes without it or tells it by itself."""
    if field.optional or form.type != "oauth2":
        return field.optional or bool(field.made)
    if field.name == "client_secret":
        return not form.secret_needed
    return field.name in form.keeps and field.name not in form.needs


def draft(bench: Bench, platform: str) -> v.DraftView:
    """Begin to connect, or take up the draft that was left (G2)."""
    from .authorising import known_app
    from .configuring import default_config

    manifest = bench.manifest(platform)
    with bench.store.read() as connection:
        row = connection.execute(
            select(INTEGRATION).where(
                INTEGRATION.c.platform == manifest.name, INTEGRATION.c.status == Status.DRAFT.value
            )
        ).first()
    config = row.config if row is not None else default_config(manifest)
    settings = {name: config[name] for name in ("data", "direction", "frequency", "match", "source_of_truth")}
    return v.DraftView(
        integration_id=row.id if row is not None else None,
        platform=manifest.name,
        name=row.name if row is not None else manifest.title,
        step=3 if row is not None else 2,
        settings=settings | {"options": config.get("options", {})},
        forms=forms(manifest, app_known=bool(known_app(bench, manifest.name))),
        account_name=row.remote_account_name if row is not None else "",
    )


def impact(bench: Bench, act: str, view: v.IntegrationView) -> v.ImpactView:
    """What an act would do, counted, before it is done."""
    title = view.platform_title
    counts = (
        ("linked records", view.counts.linked),
        ("held or refused", view.counts.held + view.counts.failed),
    )
    match act:
        case "pause":
            return v.ImpactView(
                f"Pause {view.name}?",
                ("Scheduled and real-time sync stop at the next safe point.",),
                ("Configuration, cursors and links stay.", "It keeps its place in the plan."),
                counts,
                "Resume goes on from the same place; nothing is read or written twice.",
            )
        case "mass_change":
            return v.ImpactView(
                f"Accept this change of {view.name}?",
                (view.status_reason, f"All of these changes are made, here and at {title}."),
                ("Nothing was changed so far. The preview (w) shows every record and field.",),
                counts,
                "Each conflict keeps its values; a vendor's own history may hold what was there before.",
            )
        case "resync":
            return v.ImpactView(
                f"Read everything of {view.name} again?",
                (f"Every record is read again from {title}; this takes more calls than a usual run.",),
                ("Nothing is erased or reset; only what differs is written.",),
                counts,
                "It can be stopped by pausing; what is done stays done.",
            )
        case "reconnect":
            return v.ImpactView(
                f"Reconnect {view.name}?",
                ("The stored credential is replaced by the new one once that has been tested.",),
                ("Configuration, cursors and links stay; it goes on where it stood.",),
                counts,
                "Only a credential of the same account is taken.",
            )
        case "disconnect":
            return v.ImpactView(
                f"Disconnect {view.name}?",
                (
                    "Sync stops for good.",
                    f"The credential is withdrawn at {title} where it can be, and deleted here.",
                    "Webhooks made there are removed.",
                    "One place in the plan becomes free.",
                ),
                (f"All records stay, here and at {title}.", "History and log stay readable."),
                counts,
                "Connecting the same account again takes up configuration and links; nothing is made twice.",
            )
    raise PerkstarError(ErrorKind.USAGE, f"There is no act {act!r}.")


def doctor(bench: Bench) -> v.DoctorView:
    """What is right and wrong with this set-up, each with its remedy."""
    checks: list[v.Check] = []
    python = ".".join(str(n) for n in sys.version_info[:3])
    checks.append(v.Check("python", sys.version_info >= (3, 11), f"Python {python}, perkstar {version()}"))
    home = bench.settings.home
    mode = home.stat().st_mode & 0o077
    checks.append(
        v.Check(
            "home",
            not mode,
            f"{home}" + (" can be read by others" if mode else ""),
            f"chmod 700 {home}" if mode else None,
        )
    )
    kind = "SQLite (WAL)" if bench.store.sqlite else "PostgreSQL"
    checks.append(v.Check("store", True, f"{kind}, tables at the newest revision"))
    try:
        vault = bench.vault
        _try_vault(bench)
        checks.append(v.Check("vault", True, f"{vault.kind.value}: the key lies in {vault.place}"))
    except PerkstarError as error:
        checks.append(v.Check("vault", False, error.message, error.remedy))
    encoding = (sys.stdout.encoding or "").lower()
    checks.append(
        v.Check(
            "terminal",
            "utf" in encoding,
            f"encoding {encoding or 'unknown'}",
            None if "utf" in encoding else "Set LANG to a UTF-8 locale, or start with --ascii.",
        )
    )
    account = bench.account_row()
    if account is None:
        checks.append(v.Check("account", False, "No account is attached.", "Run `perkstar login`."))
    else:
        checks.append(v.Check("account", True, account.name + (" (local)" if account.local else "")))
        checks.extend(_links(bench))
    running = leases.owner_alive(bench.store, "runner", bench.clock.now())
    checks.append(
        v.Check(
            "runner",
            True,
            "A screen or worker runs the schedule."
            if running
            else "Nothing runs the schedule now; `perkstar worker` does.",
        )
    )
    return v.DoctorView(all(check.ok for check in checks), tuple(checks))


def _try_vault(bench: Bench) -> None:
    """Open one stored secret. Raises PerkstarError where the key is not the one that sealed it."""
    with bench.store.read() as connection:
        row = connection.execute(select(CREDENTIAL.c.owner_id, CREDENTIAL.c.ciphertext).limit(1)).first()
    if row is not None:
        bench.vault.open(row.owner_id, bytes(row.ciphertext))


def _links(bench: Bench) -> list[v.Check]:
    checks = []
    with bench.store.read() as connection:
        rows = connection.execute(select(INTEGRATION)).all()
        heard = registered(connection)
        owners = set(connection.execute(select(CREDENTIAL.c.owner_id)).scalars())
        linked: Counter[str] = Counter()
        for id_, number in connection.execute(
            select(LINK.c.integration_id, func.count())
            .where(LINK.c.state == LinkState.LINKED.value)
            .group_by(LINK.c.integration_id)
        ):
            linked[id_] = number
    keys = shown_keys(bench, rows, owners)
    for row in rows:
        if row.status in (Status.DRAFT.value, Status.DISCONNECTED.value):
            continue
        well = row.status == Status.PAUSED.value or (row.status == Status.ACTIVE.value and not row.failures)
        name = "cloud" if row.platform == CLOUD else row.name
        remedy = (
            None
            if well
            else "Reconnect it."
            if row.status == Status.RECONNECT_REQUIRED
            else "Look at its log."
        )
        message = row.status.replace("_", " ") + (f": {row.status_reason}" if row.status_reason else "")
        checks.append(v.Check(name, well, message, remedy))
        missing, how = to_do(bench, row, heard.get(row.id, ""), keys.get(row.id, {}), linked[row.id])
        if missing:
            checks.append(v.Check(f"{name} webhooks", False, missing, f"{how}."))
    return checks
