"""Acts on an integration that exists: each one transaction with its line in the audit trail."""

from collections.abc import Sequence
from typing import Any, TypeGuard

from sqlalchemy import delete, insert, select, update

from perkstar_tui.model.enums import DataType, Kind, LinkState, Status
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.store import tables as t
from perkstar_tui.sync.config import CUSTOMER_FIELDS, LOYALTY_FIELDS
from perkstar_tui.sync.deliveries import give_up
from perkstar_tui.sync.filters import check_mapped
from perkstar_tui.sync.mapping import Transform, transform
from perkstar_tui.sync.schedule import next_run
from perkstar_tui.sync.shaping import meant

from . import views as v
from .bench import ACCOUNT, INTEGRATION, Bench
from .configuring import apply_settings
from .credentials import delete_credential
from .inbox import forget_told
from .reading import plan
from .receiver import drop_subscription, keep_key

LINK = t.RecordLink
VERSION = t.ConfigVersion
TEMPLATE = t.CardTemplate


def pause(bench: Bench, row: Any, reason: str) -> None:
    """Stop scheduled and real-time sync at the next safe point; cursors and base stay (F1)."""
    if row.status == Status.PAUSED:
        return
    if row.status not in (Status.ACTIVE, Status.ERROR, Status.RECONNECT_REQUIRED):
        raise PerkstarError(
            ErrorKind.USAGE,
            f"{row.name} is {row.status}, so there is nothing to pause.",
            integration_id=row.id,
        )
    with bench.store.write() as connection:
        connection.execute(
            update(INTEGRATION)
            .where(INTEGRATION.c.id == row.id)
            .values(status=Status.PAUSED.value, paused_by=bench.who(), next_run_at=None, requested=None)
        )
        bench.audit(connection, "pause", row.id, row.status, {"reason": reason} if reason else None)


def resume(bench: Bench, row: Any) -> None:
    """Go on from where it stood: the same cursor and base, one run soon."""
    if row.status != Status.PAUSED:
        raise PerkstarError(
            ErrorKind.USAGE, f"{row.name} is not paused, it is {row.status}.", integration_id=row.id
        )
    status = Status.RECONNECT_REQUIRED if row.status_code == ErrorKind.CREDENTIAL_REFUSED else Status.ACTIVE
    manual = row.config.get("frequency") == "manual"
    looped = {"status_code": None, "status_reason": ""} if row.status_code == ErrorKind.LOOP else {}
    with bench.store.write() as connection:
        connection.execute(
            update(INTEGRATION)
            .where(INTEGRATION.c.id == row.id)
            .values(
                **looped,
                status=status.value,
                paused_by="",
                next_run_at=None if manual or status is not Status.ACTIVE else bench.clock.now(),
            )
        )
        bench.audit(connection, "resume", row.id, row.status, status.value)


def disconnected(bench: Bench, row: Any, reason: str) -> None:
    """Free the slot and delete the credential; links, history and log stay, so a reconnect doubles nothing (F2, F3)."""
    with bench.store.write() as connection:
        connection.execute(
            update(INTEGRATION)
            .where(INTEGRATION.c.id == row.id)
            .values(
                status=Status.DISCONNECTED.value,
                disconnected_at=bench.clock.now(),
                disconnect_reason=reason,
                next_run_at=None,
                requested=None,
            )
        )
        delete_credential(connection, row.id)
        drop_subscription(bench, connection, row.id)
        forget_told(connection, row.id)
        give_up(connection, row.id, "The integration was disconnected.")
        bench.audit(connection, "disconnect", row.id, row.status, {"reason": reason})


def plan_full(bench: Bench, view: v.PlanView, integration_id: str | None) -> PerkstarError:
    """The refusal at the plan's limit, with the ways out (B4)."""
    ways = []
    if view.free_up:
        _, name, last = view.free_up[0]
        when = "has never synced" if last is None else f"last synced {last:%Y-%m-%d}"
        ways.append(f"disconnect {name} ({when})")
    if view.next_tier:
        ways.append(f"move to the {view.next_tier} plan (`perkstar plan set {view.next_tier.lower()}`)")
    ways.append("ask Perkstar for an add-on pack")
    return PerkstarError(
        ErrorKind.PLAN_LIMIT,
        f"{view.line}: there is no place left.",
        remedy="Ways out: " + "; ".join(ways) + ".",
        integration_id=integration_id,
    )


def activate(bench: Bench, row: Any) -> None:
    """Make a draft active. The count and the change are one transaction, so two at once can't pass the limit."""
    if row.status in (Status.ACTIVE, Status.ERROR):
        return
    if row.status not in (Status.DRAFT,):
        raise PerkstarError(
            ErrorKind.USAGE,
            f"{row.name} is {row.status}, not a draft.",
            remedy="Resume or reconnect it instead.",
            integration_id=row.id,
        )
    now = bench.clock.now()
    account = bench.need_account()
    with bench.store.write() as connection:
        # The account's row is the lock: on PostgreSQL a second activation waits here for the first one's end.
        connection.execute(update(ACCOUNT).where(ACCOUNT.c.id == account.id).values(tier=ACCOUNT.c.tier))
        view = plan(bench, connection)
        if view.remaining is not None and view.remaining < 1:
            raise plan_full(bench, view, row.id)
        config = dict(row.config)
        if DataType.TRANSACTIONS.value in config["data"] and not config.get("credit_from"):
            config["credit_from"] = now.isoformat()
        connection.execute(
            update(INTEGRATION)
            .where(INTEGRATION.c.id == row.id, INTEGRATION.c.status == Status.DRAFT.value)
            .values(
                status=Status.ACTIVE.value,
                activated_at=now,
                config=config,
                **(
                    # Nothing but what happens from now on: there is nothing to preview.
                    {"previewed": True, "next_run_at": now}
                    if row.kind == Kind.WEBHOOK
                    and config["options"].get("history") != "yes"
                    and config["frequency"] != "manual"
                    else {"next_run_at": next_run(config["frequency"], row.id, now, account.timezone)}
                ),
            )
        )
        bench.audit(connection, "activate", row.id)


def _check_name(bench: Bench, row: Any, name: str) -> None:
    """A name is there, and nobody else's: it must be enough to say which integration is meant."""
    if not name:
        raise PerkstarError(ErrorKind.USAGE, "A name cannot be empty.", remedy="Give one.", field="name")
    with bench.store.read() as connection:
        others = connection.execute(select(INTEGRATION).where(INTEGRATION.c.id != row.id)).all()
    taken = [o for o in others if o.name.casefold() == name.casefold() and o.status != Status.DISCONNECTED]
    if taken:
        raise PerkstarError(
            ErrorKind.USAGE,
            f"{taken[0].id} is called {name} already.",
            remedy="Choose another name.",
            field="name",
        )


def edited(bench: Bench, row: Any, settings: dict[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The configuration and the columns as these settings would make them. Raises USAGE that names the setting."""
    given = dict(settings)
    columns: dict[str, Any] = {}
    for name, column in (("name", "name"), ("owner", "owner"), ("purpose", "purpose")):
        if name in given:
            columns[column] = given.pop(name).strip()
    if "name" in columns:
        _check_name(bench, row, columns["name"])
    config = apply_settings(bench.manifest(row.platform), row.config, given) if given else row.config
    return resolve_template(bench, config), columns


def edit(bench: Bench, row: Any, settings: dict[str, str]) -> None:
    """Change settings: validated, kept as a new version, old and new in the audit trail (E1)."""
    config, columns = edited(bench, row, settings)
    store_config(bench, row, config, columns, "edit")
    keep_given_key(bench, row.id, row.platform, settings)


def keep_given_key(bench: Bench, integration_id: str, platform: str, given: dict[str, str]) -> None:
    """Put the key of webhooks that is among settings into the vault."""
    name = bench.manifest(platform).key_option
    if name and name in given:
        with bench.store.write() as connection:
            keep_key(bench, connection, integration_id, given[name])
            bench.audit(connection, "webhook_key", integration_id)


def store_config(bench: Bench, row: Any, config: dict[str, Any], columns: dict[str, Any], act: str) -> None:
    now = bench.clock.now()
    account = bench.account_row()
    with bench.store.write() as connection:
        present = bench.again(connection, row)
        values: dict[str, Any] = {**columns}
        if config != present.config:
            version = present.config_version
            known = connection.execute(
                select(VERSION.c.version).where(
                    VERSION.c.integration_id == row.id, VERSION.c.version == version
                )
            ).first()
            if known is None:
                connection.execute(
                    insert(VERSION).values(
                        integration_id=row.id,
                        version=version,
                        at=present.created_at,
                        who="",
                        config=present.config,
                    )
                )
            connection.execute(
                insert(VERSION).values(
                    integration_id=row.id, version=version + 1, at=now, who=bench.who(), config=config
                )
            )
            values |= {"config": config, "config_version": version + 1}
            if present.status in (Status.ACTIVE.value, Status.ERROR.value):
                zone = account.timezone if account else "UTC"
                values["next_run_at"] = next_run(config["frequency"], row.id, now, zone)
        if values:
            connection.execute(update(INTEGRATION).where(INTEGRATION.c.id == row.id).values(**values))
            # What a change takes away is in the old values too: so that each can be put back.
            names = [
                name for name in {**present.config, **config} if config.get(name) != present.config.get(name)
            ]
            old = {name: present.config.get(name) for name in names}
            old |= {name: getattr(present, name) for name in columns}
            new = {name: config.get(name) for name in names} | columns
            bench.audit(connection, act, row.id, old, new)


def resolve_template(bench: Bench, config: dict[str, Any]) -> dict[str, Any]:
    """Put the id of the named card template in; without a name the account's first one."""
    with bench.store.read() as connection:
        rows = connection.execute(select(TEMPLATE).order_by(TEMPLATE.c.id)).all()
    wanted = config.get("template")
    if wanted:
        found = [
            row
            for row in rows
            if wanted in (row.id, row.remote_id) or row.name.casefold() == wanted.casefold()
        ]
        if not found:
            names = ", ".join(f"{row.name} ({row.kind})" for row in rows) or "none yet"
            raise PerkstarError(
                ErrorKind.USAGE,
                f"There is no card template {wanted!r}.",
                remedy=f"Templates: {names}.",
                field="template",
            )
        return {**config, "template_id": found[0].id}
    if config.get("template_id") or not rows:
        return config
    points = [row for row in rows if row.kind == "reward"] or rows
    return {**config, "template_id": points[0].id}


def history(bench: Bench, row: Any) -> list[v.VersionView]:
    """Every version of an integration's settings, newest first, with what each changed (E1)."""
    with bench.store.read() as connection:
        rows = connection.execute(
            select(VERSION).where(VERSION.c.integration_id == row.id).order_by(VERSION.c.version)
        ).all()
    if not rows:
        return [v.VersionView(row.config_version, row.created_at, "", True)]
    views = []
    before: dict[str, Any] = {}
    for version in rows:
        changes = tuple(differences(before, version.config)) if before else ()
        current = version.version == row.config_version
        views.append(v.VersionView(version.version, version.at, version.who, current, changes))
        before = version.config
    return views[::-1]


def differences(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Setting, before and after, of what is not the same in two configurations."""
    found = []
    for name in sorted(old.keys() | new.keys()):
        a, b = old.get(name), new.get(name)
        if a == b:
            continue
        if isinstance(a, dict) and isinstance(b, dict):
            found += [(f"{name}.{part}", x, y) for part, x, y in differences(a, b)]
        elif _are_lines(a) and _are_lines(b):
            found += [(f"{name}.{remote}", x, y) for remote, x, y in _lines_apart(a, b)]
        else:
            found.append((name, _short(a), _short(b)))
    return found


def _are_lines(value: Any) -> TypeGuard[list[dict[str, Any]]]:
    return isinstance(value, list) and all(isinstance(one, dict) and "remote" in one for one in value)


def _lines_apart(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """The lines of a mapping that are not the same, by the platform's field: each with all that it says."""
    before, after = ({line["remote"]: _line_said(line) for line in lines} for lines in (old, new))
    return [
        (remote, before.get(remote, ""), after.get(remote, ""))
        for remote in sorted(before.keys() | after.keys())
        if before.get(remote) != after.get(remote)
    ]


def _line_said(line: dict[str, Any]) -> str:
    parts = [
        str(line.get("hub", "")),
        str(line.get("transform") or "text"),
        str(line.get("direction") or "both"),
    ]
    return " ".join([*parts, *(["may clear"] if line.get("may_clear") else [])])


def _short(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return ", ".join(f"{e.get('hub')}={e.get('remote')}" for e in value)
    return ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


def rollback(bench: Bench, row: Any, version: int) -> None:
    """Put the settings of an earlier version back, as a new version; fields whose mapping changes lose their base.

    A version from before the activation doesn't know from when sales are credited: that stays as it is, or all of the
    past would earn. What lies in the vault is no part of a version: a secret that was replaced is gone for good.
    Raises USAGE where the version doesn't fit the platform as this program knows it now.
    """
    with bench.store.read() as connection:
        found = connection.execute(
            select(VERSION.c.config).where(VERSION.c.integration_id == row.id, VERSION.c.version == version)
        ).scalar()
    if found is None:
        raise PerkstarError(
            ErrorKind.NOT_FOUND,
            f"{row.name} has no version {version}.",
            remedy=f"`perkstar history {row.id}` lists them.",
            integration_id=row.id,
        )
    if not found.get("credit_from") and row.config.get("credit_from"):
        found = {**found, "credit_from": row.config["credit_from"]}
    found = resolve_template(bench, apply_settings(bench.manifest(row.platform), found, {}))
    _change_mapping(bench, row, found, "rollback")


def _lines_of(config: dict[str, Any]) -> dict[str, tuple[str, str]]:
    entries = config.get("mapping", {}).get("customers", [])
    return {e["remote"]: (e["hub"], e["transform"]) for e in entries}


def _meaning_changed(
    bench: Bench, integration_id: str, old: dict[str, Any], new: dict[str, Any]
) -> list[str]:
    """Remote fields that now mean something else than when both sides last agreed on them.

    A line that was taken away and is put back as it was means the same: what was agreed then still holds.
    """
    before, after = _lines_of(old), _lines_of(new)
    changed = [remote for remote in after if remote in before and before[remote] != after[remote]]
    added = [remote for remote in after if remote not in before]
    if added:
        with bench.store.read() as connection:
            versions = connection.execute(
                select(VERSION.c.config)
                .where(VERSION.c.integration_id == integration_id)
                .order_by(VERSION.c.version.desc())
            ).scalars()
            earlier = [_lines_of(config) for config in versions]
        for remote in added:
            last = next((lines[remote] for lines in earlier if remote in lines), None)
            if last is not None and last != after[remote]:
                changed.append(remote)
    return changed


def _read_all_again(bench: Bench, integration_id: str) -> None:
    """The next run reads everything, so that a field that is newly mapped is agreed on before it is edited."""
    cursor = t.Cursor
    with bench.store.write() as connection:
        connection.execute(
            delete(cursor).where(
                cursor.c.integration_id == integration_id, cursor.c.data == "customers", cursor.c.leg == "in"
            )
        )


def set_mapping(bench: Bench, row: Any, lines: Sequence[v.MappingLine]) -> None:
    """Replace the customers' mapping. Raises MAPPING that names the line at fault."""
    _change_mapping(bench, row, mapped(bench, row, lines), "mapping")


def mapped(bench: Bench, row: Any, lines: Sequence[v.MappingLine]) -> dict[str, Any]:
    """The configuration with these lines as the customers' mapping. Raises MAPPING that names the line at fault."""
    manifest = bench.manifest(row.platform)
    if DataType.CUSTOMERS not in manifest.data:
        raise PerkstarError(
            ErrorKind.USAGE,
            f"{manifest.title} is told of sales as its catalog entry describes them: there is nothing to map.",
            field="mapping",
        )
    known = {entry["remote"]: entry for entry in row.config["mapping"].get("customers", [])}
    spec = {field.remote: field for field in manifest.data[DataType.CUSTOMERS].fields}
    entries: list[dict[str, Any]] = []
    for line in lines:
        if line.hub not in (*CUSTOMER_FIELDS, *LOYALTY_FIELDS, "reference"):
            raise PerkstarError(
                ErrorKind.MAPPING,
                f"Perkstar has no field {line.hub!r}.{meant(line.hub, (*CUSTOMER_FIELDS, *LOYALTY_FIELDS))}",
                remedy=f"Fields: {', '.join((*CUSTOMER_FIELDS, *LOYALTY_FIELDS))}.",
                field=line.hub,
            )
        if _given(line).compose is not None and line.direction != "to-platform":
            raise PerkstarError(
                ErrorKind.MAPPING,
                f"{line.remote} is made of the whole customer, and can't be read back.",
                remedy="Let it go outwards only (direction=to-platform).",
                field=line.remote,
            )
        if any(entry["remote"] == line.remote for entry in entries):
            raise PerkstarError(
                ErrorKind.MAPPING, f"{line.remote} is mapped twice.", remedy="Remove one.", field=line.remote
            )
        before = known.get(line.remote, {})
        field = spec.get(line.remote)
        entries.append(
            {
                **before,
                "hub": line.hub,
                "remote": line.remote,
                "label": line.label or before.get("label", line.remote),
                "transform": line.transform,
                "direction": line.direction,
                "write": before.get("write", field.write.value if field else "always"),
                "required": bool(field and field.required),
                "may_clear": line.may_clear,
                "create": bool(field and field.create),
            }
        )
    missing = [
        f.remote for f in spec.values() if f.required and f.remote not in {e["remote"] for e in entries}
    ]
    if missing:
        raise PerkstarError(
            ErrorKind.MAPPING,
            f"{manifest.title} needs {', '.join(missing)}.",
            remedy="Keep that line.",
            field=missing[0],
        )
    mapping = {**row.config["mapping"], "customers": entries}
    _refuse_bad_lines(row, manifest.title, entries)
    check_mapped(row.config.get("options", {}), entries, manifest.title)
    return {**row.config, "mapping": mapping}


def _given(line: v.MappingLine) -> Transform:
    """The transform that a person gives a line. Raises USAGE that says what is wrong with it."""
    try:
        return transform(line.transform)
    except PerkstarError as error:
        raise PerkstarError(
            ErrorKind.USAGE, error.message, remedy=error.remedy, field=error.field or line.remote
        ) from None


def _refuse_bad_lines(row: Any, title: str, entries: Sequence[dict[str, Any]]) -> None:
    """A field of ours fills one field there, and what records are matched by stays mapped to itself (G5)."""
    for name in {entry["hub"] for entry in entries}:
        twice = [
            entry["remote"]
            for entry in entries
            if entry["hub"] == name and entry["direction"] != "to-platform"
        ]
        if len(twice) > 1:
            raise PerkstarError(
                ErrorKind.MAPPING,
                f"{name} would be filled by {' and '.join(twice)}.",
                remedy="Let only one of them come in (direction=to-platform for the other).",
                field=name,
            )
    present = {entry["hub"] for entry in entries}
    lost = [key for key in row.config.get("match", ()) if key not in present]
    if lost:
        raise PerkstarError(
            ErrorKind.MAPPING,
            f"Records of {title} are matched by {lost[0]}, so it must stay mapped.",
            remedy=f"Choose another match key first: `perkstar edit {row.id} --set match=...`.",
            field=lost[0],
        )


def _change_mapping(bench: Bench, row: Any, config: dict[str, Any], act: str) -> None:
    dropped = _meaning_changed(bench, row.id, row.config, config)
    store_config(bench, row, config, {}, act)
    if dropped:
        _drop_bases(bench, row.id, dropped)
        with bench.store.write() as connection:
            # What both sides agreed on holds no more: the schedule waits until somebody has looked.
            connection.execute(update(INTEGRATION).where(INTEGRATION.c.id == row.id).values(previewed=False))
    if dropped or _lines_of(config).keys() - _lines_of(row.config).keys():
        _read_all_again(bench, row.id)


def _drop_bases(bench: Bench, integration_id: str, remotes: list[str]) -> None:
    """A changed mapping or transform drops that field's base (sync design: Compare)."""
    last = 0
    while True:
        with bench.store.write() as connection:
            rows = connection.execute(
                select(LINK.c.id, LINK.c.base)
                .where(LINK.c.integration_id == integration_id, LINK.c.id > last)
                .order_by(LINK.c.id)
                .limit(500)
            ).all()
            for row in rows:
                if any(name in row.base for name in remotes):
                    base = {name: value for name, value in row.base.items() if name not in remotes}
                    connection.execute(
                        update(LINK).where(LINK.c.id == row.id).values(base=base, fingerprint=None)
                    )
        if not rows:
            return
        last = rows[-1].id


def retry(bench: Bench, row: Any, record_ids: Sequence[str]) -> int:
    """Mark held and refused records as due now."""
    condition = (LINK.c.integration_id == row.id) & LINK.c.state.in_(
        [LinkState.HELD.value, LinkState.DUPLICATE.value]
    )
    if record_ids:
        condition &= LINK.c.hub_id.in_(record_ids) | LINK.c.remote_id.in_(record_ids)
    with bench.store.write() as connection:
        changed = connection.execute(update(LINK).where(condition).values(next_attempt=bench.clock.now()))
        bench.audit(connection, "retry", row.id, None, {"records": changed.rowcount})
    if record_ids and not changed.rowcount:
        raise PerkstarError(
            ErrorKind.NOT_FOUND,
            f"None of these is held or refused at {row.name}.",
            remedy="`perkstar logs` names the records that are.",
            integration_id=row.id,
        )
    return int(changed.rowcount)


def request_run(bench: Bench, row: Any, *, full: bool, accept: bool, plan: str | None = None) -> None:
    """Leave a run to whoever runs the schedule."""
    wanted = (("run", True), ("full", full), ("accept", accept), (f"plan={plan}", plan is not None))
    words = " ".join(word for word, on in wanted if on)
    with bench.store.write() as connection:
        connection.execute(update(INTEGRATION).where(INTEGRATION.c.id == row.id).values(requested=words))
