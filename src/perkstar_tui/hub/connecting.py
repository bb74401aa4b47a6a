"""Making, mending and ending connections: the account's own cloud link, and integrations."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, TypeVar, cast

from sqlalchemy import delete, insert, select, update

from perkstar_tui.model.enums import DataType, Direction, Kind, SourceOfTruth, Status
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.ids import new_id
from perkstar_tui.model.remote import RemoteAccount, RemoteField
from perkstar_tui.platforms.connector import Connector, Subscriber
from perkstar_tui.platforms.manifest import Manifest
from perkstar_tui.store import tables as t
from perkstar_tui.sync.cloud import CloudConnector, TemplateInfo, keep_templates
from perkstar_tui.sync.config import CUSTOMER_FIELDS, LOYALTY_FIELDS
from perkstar_tui.sync.mapping import TRANSFORMS
from perkstar_tui.sync.schedule import next_run

from . import acts
from . import views as v
from .arriving import arrived
from .bench import ACCOUNT, CLOUD, INTEGRATION, Bench
from .configuring import apply_settings, default_config, default_mapping
from .credentials import LooseCredential, StoredCredential, write_credential
from .reading import plan
from .receiver import drop_subscription, keep_app_secret

T = TypeVar("T")
SUBSCRIPTION = t.WebhookSubscription


def run_now(work: Coroutine[Any, Any, T]) -> T:
    """Carry out a coroutine in this thread, which is a command's or a screen's worker thread."""
    return asyncio.run(work)


def masked(secret: str) -> str:
    """A key as it may be shown: dots and the last four characters."""
    return "•" * 20 + secret[-4:] if len(secret) > 8 else "•" * 20


# -- the account ---------------------------------------------------------------------------------------------


def attach_local(bench: Bench, name: str) -> None:
    """An account without cloud: balances live in the store."""
    name = name.strip()
    if not name:
        raise PerkstarError(ErrorKind.USAGE, "The account needs a name.", field="name")
    if bench.account_row() is not None:
        raise _attached_already()
    with bench.store.write() as connection:
        connection.execute(
            insert(ACCOUNT).values(
                id=new_id("acc"),
                name=name,
                local=True,
                tier="professional",
                timezone="UTC",
                country="GB",
                currency="GBP",
                created_at=bench.clock.now(),
            )
        )
        template = t.CardTemplate
        if connection.execute(select(template.c.id)).first() is None:
            connection.execute(
                insert(template).values(id=new_id("tpl"), remote_id=None, name="Points", kind="reward")
            )
        bench.audit(connection, "login", None, None, {"local": name})


def _attached_already() -> PerkstarError:
    return PerkstarError(
        ErrorKind.USAGE,
        "This home has an account already.",
        remedy="Use another home (--home DIR or PERKSTAR_HOME) for another account.",
    )


def attach_cloud(bench: Bench, api_key: str) -> None:
    """Attach the Perkstar account that the key belongs to; a second time the key is replaced, if it is the same."""
    key = api_key.strip()
    if not key:
        raise PerkstarError(ErrorKind.USAGE, "No API key was given.", field="api_key")
    remote, templates = run_now(_first_look(bench, key))
    row = bench.account_row()
    if row is not None and (row.local or (row.remote_id and row.remote_id != remote.id)):
        raise _attached_already()
    now = bench.clock.now()
    manifest = bench.catalog[CLOUD]
    config = {
        "data": [DataType.CUSTOMERS.value, DataType.CARDS.value],
        "direction": Direction.BOTH.value,
        "frequency": "manual",
        "match": ["email", "phone"],
        "source_of_truth": SourceOfTruth.PERKSTAR.value,
        "options": {},
        "mapping": default_mapping(manifest),
    }
    with bench.store.write() as connection:
        cloud_id = connection.execute(
            select(INTEGRATION.c.id).where(
                INTEGRATION.c.platform == CLOUD, INTEGRATION.c.kind == Kind.SYSTEM.value
            )
        ).scalar()
        about_key = {"key_masked": masked(key), "key_added": now, "key_worked": now}
        if row is None:
            connection.execute(
                insert(ACCOUNT).values(
                    id=new_id("acc"),
                    name=remote.name,
                    local=False,
                    tier="professional",
                    timezone=remote.timezone or "Europe/London",
                    country=remote.country or "GB",
                    currency=remote.currency or "GBP",
                    remote_id=remote.id,
                    created_at=now,
                    **about_key,
                )
            )
        else:
            connection.execute(update(ACCOUNT).where(ACCOUNT.c.id == row.id).values(**about_key))
        if cloud_id is None:
            cloud_id = new_id("int")
            connection.execute(
                insert(INTEGRATION).values(
                    id=cloud_id,
                    name="Perkstar cloud",
                    platform=CLOUD,
                    kind=Kind.SYSTEM.value,
                    status=Status.ACTIVE.value,
                    created_at=now,
                    activated_at=now,
                    config=config,
                    config_version=1,
                    remote_account_id=remote.id,
                    remote_account_name=remote.name,
                    scopes=[],
                    form="api_key",
                    previewed=True,
                    failures=0,
                    paused_by="",
                    status_reason="",
                    disconnect_reason="",
                    owner="",
                    purpose="",
                )
            )
        else:
            connection.execute(
                update(INTEGRATION)
                .where(INTEGRATION.c.id == cloud_id)
                .values(status=Status.ACTIVE.value, status_code=None, status_reason="")
            )
        write_credential(connection, bench.vault, cloud_id, {"api_key": key}, now)
        keep_templates(connection, templates)
        bench.audit(connection, "login", cloud_id, None, {"account": remote.name})


async def _first_look(bench: Bench, key: str) -> tuple[RemoteAccount, list[TemplateInfo]]:
    """Whom a key belongs to, and the account's card templates. A refusal here means that the key is not valid."""
    connector = bench.open(CLOUD, LooseCredential({"api_key": key}), {})
    try:
        remote = await connector.identify()
        return remote, list(await cast(CloudConnector, connector).templates())
    except PerkstarError as error:
        raise _never_valid(bench.catalog[CLOUD].title, error) from None
    finally:
        await connector.close()


def _never_valid(title: str, error: PerkstarError) -> PerkstarError:
    """A credential that was never used before and is refused is not valid; any other error is itself."""
    if error.kind is not ErrorKind.CREDENTIAL_REFUSED:
        return error
    return PerkstarError(
        ErrorKind.CREDENTIAL_INVALID,
        f"{title} does not accept this credential.",
        vendor_words=error.vendor_words,
    )


# -- integrations --------------------------------------------------------------------------------------------


def connect(
    bench: Bench,
    platform: str,
    credentials: dict[str, Any],
    name: str | None,
    settings: dict[str, str],
    *,
    activate: bool,
) -> str:
    """Make an integration, or take up the one of this account that was disconnected; answers its id.

    Nothing is kept when the settings are wrong, the credential is refused, or the plan has no place and
    activation was asked for.
    """
    from perkstar_tui.platforms.auth import normalise_credential

    bench.need_account()
    manifest = bench.manifest(platform)
    config = apply_settings(manifest, default_config(manifest), settings)
    config = acts.resolve_template(bench, config)
    if activate:
        view = plan(bench)
        if view.remaining is not None and view.remaining < 1:
            raise acts.plan_full(bench, view, None)
    form, credential = normalise_credential(manifest, credentials, bench.clock.now())
    config = _narrowed(manifest, form, config, settings)
    loose = LooseCredential(credential)
    remote, chosen_options = run_now(_first_contact(bench, manifest, loose, config))
    config["options"] |= chosen_options
    id_ = _keep(bench, manifest, remote, form, loose.secret, name, config, settings)
    acts.keep_given_key(bench, id_, platform, settings)
    if activate:
        row = bench.find(id_)
        try:
            acts.activate(bench, row)
        except PerkstarError:
            # Someone else took the last place in the meantime: leave nothing behind (B4).
            drop_draft(bench, row)
            raise
    return id_


def _narrowed(
    manifest: Manifest, form: str, config: dict[str, Any], settings: dict[str, str]
) -> dict[str, Any]:
    """The settings, no wider than the way to authorise serves. Raises USAGE where another direction was asked for."""
    serves = next(one.direction for one in manifest.auth if one.id == form)
    if serves is Direction.BOTH or config["direction"] == serves.value:
        return config
    if "direction" in settings:
        missing = next(
            (f.label for one in manifest.auth if one.direction is Direction.BOTH for f in one.fields), ""
        )
        raise PerkstarError(
            ErrorKind.USAGE,
            f"Without {missing.lower() or 'more'} {manifest.title} only goes {serves.value}.",
            remedy=f"Give it, or choose --direction {serves.value}.",
            field="direction",
        )
    return {**config, "direction": serves.value}


async def _first_contact(
    bench: Bench,
    manifest: Manifest,
    credential: LooseCredential,
    config: dict[str, Any],
    check: Callable[[RemoteAccount], None] = lambda remote: None,
) -> tuple[RemoteAccount, dict[str, Any]]:
    """Whose a credential is; nothing is made in an account before `check` has let it pass."""
    # Whose account it is, is only known afterwards: it may be one whose budget is being used at this moment.
    with bench.store.read() as connection:
        known = select(INTEGRATION.c.remote_account_id).where(
            INTEGRATION.c.platform == manifest.name, INTEGRATION.c.remote_account_id.is_not(None)
        )
        perhaps = sorted(set(connection.execute(known).scalars()))
    connector = bench.open(manifest.name, credential, config["options"], perhaps=perhaps)
    try:
        try:
            remote = await connector.identify()
        except PerkstarError as error:
            raise _never_valid(manifest.title, error) from None
        check(remote)
        await _make_fields(connector, config)
        return remote, {}
    finally:
        await connector.close()


async def _make_fields(connector: Connector, config: dict[str, Any]) -> None:
    """Create the custom fields of the mapping that are missing at the vendor (only if something is sent there)."""
    if not Direction(config["direction"]).outward:
        return
    wanted = [entry["remote"] for entry in config["mapping"].get("customers", []) if entry.get("create")]
    if wanted:
        await connector.ensure_fields(DataType.CUSTOMERS, wanted)


def _keep(
    bench: Bench,
    manifest: Manifest,
    remote: RemoteAccount,
    form: str,
    credential: dict[str, Any],
    name: str | None,
    config: dict[str, Any],
    settings: dict[str, str],
) -> str:
    now = bench.clock.now()
    with bench.store.write() as connection:
        rows = connection.execute(
            select(INTEGRATION).where(
                INTEGRATION.c.platform == manifest.name, INTEGRATION.c.remote_account_id == remote.id
            )
        ).all()
        earlier = next((row for row in rows if row.status == Status.DISCONNECTED), None)
        draft = next((row for row in rows if row.status == Status.DRAFT), None)
        live = next((row for row in rows if Status(row.status).counts), None)
        if live is not None:
            raise PerkstarError(
                ErrorKind.USAGE,
                f"{remote.name} at {manifest.title} is connected already, as {live.name}.",
                remedy=f"Edit it, or disconnect {live.id} first.",
                integration_id=live.id,
            )
        common: dict[str, Any] = {
            "remote_account_id": remote.id,
            "remote_account_name": remote.name,
            "scopes": list(remote.scopes),
            "form": form,
        }
        again = earlier or draft
        if again is not None:
            # The earlier configuration and links come back, with what was asked for now put over it (F3).
            kept = apply_settings(manifest, again.config, settings)
            values: dict[str, Any] = {
                **common,
                "config": kept,
                "status": Status.DRAFT.value,
                "status_code": None,
            }
            values |= {"status_reason": "", "failures": 0, "disconnected_at": None}
            if name:
                values["name"] = name
            connection.execute(update(INTEGRATION).where(INTEGRATION.c.id == again.id).values(**values))
            write_credential(connection, bench.vault, again.id, credential, now)
            bench.audit(connection, "connect", again.id, again.status, {"platform": manifest.name})
            return str(again.id)
        id_ = new_id("int")
        taken = {row.name for row in connection.execute(select(INTEGRATION.c.name))}
        connection.execute(
            insert(INTEGRATION).values(
                id=id_,
                name=name or _free_name(manifest.title, taken),
                platform=manifest.name,
                kind=manifest.kind.value,
                status=Status.DRAFT.value,
                created_at=now,
                config=config,
                config_version=1,
                failures=0,
                previewed=False,
                paused_by="",
                status_reason="",
                disconnect_reason="",
                owner="",
                purpose="",
                **common,
            )
        )
        write_credential(connection, bench.vault, id_, credential, now)
        bench.audit(connection, "connect", id_, None, {"platform": manifest.name, "name": name})
        return id_


def _free_name(title: str, taken: set[str]) -> str:
    if title not in taken:
        return title
    number = 2
    while f"{title} {number}" in taken:
        number += 1
    return f"{title} {number}"


def drop_draft(bench: Bench, row: Any) -> None:
    """Remove a draft that never synced; one that has links goes back to disconnected, with its history."""
    if row.status != Status.DRAFT:
        raise PerkstarError(
            ErrorKind.USAGE, f"{row.name} is {row.status}, not a draft.", integration_id=row.id
        )
    with bench.store.write() as connection:
        link = t.RecordLink
        used = connection.execute(select(link.c.id).where(link.c.integration_id == row.id).limit(1)).first()
        connection.execute(delete(t.Credential).where(t.Credential.c.owner_id == row.id))
        drop_subscription(bench, connection, row.id)
        if used is None:
            connection.execute(delete(INTEGRATION).where(INTEGRATION.c.id == row.id))
        else:
            connection.execute(
                update(INTEGRATION).where(INTEGRATION.c.id == row.id).values(status=Status.DISCONNECTED.value)
            )
        bench.audit(connection, "drop_draft", row.id)


def reconnect(bench: Bench, row: Any, credentials: dict[str, Any]) -> None:
    """A new credential for the same account; cursor and base stay, so it goes on where it stood."""
    from perkstar_tui.platforms.auth import normalise_credential

    if row.status in (Status.DRAFT, Status.DISCONNECTED):
        raise PerkstarError(
            ErrorKind.USAGE,
            f"{row.name} is {row.status}.",
            remedy="Use connect instead.",
            integration_id=row.id,
        )
    manifest = bench.manifest(row.platform)
    form, credential = normalise_credential(
        manifest, _with_kept(bench, manifest, row, credentials), bench.clock.now()
    )
    loose = LooseCredential(credential)
    own = manifest.kind is Kind.WEBHOOK

    def same(remote: RemoteAccount) -> None:
        # An endpoint of one's own may move; an account at a vendor may not become another one.
        if row.remote_account_id and remote.id != row.remote_account_id and not own:
            raise PerkstarError(
                ErrorKind.ACCOUNT_CHANGED,
                f"This credential belongs to {remote.name}, but {row.name} is connected to "
                f"{row.remote_account_name}.",
                integration_id=row.id,
            )

    remote, _ = run_now(_first_contact(bench, manifest, loose, row.config, same))
    now = bench.clock.now()
    account = bench.need_account()
    due = next_run(row.config["frequency"], row.id, now, account.timezone)
    paused = row.status == Status.PAUSED
    with bench.store.write() as connection:
        write_credential(connection, bench.vault, row.id, loose.secret, now)
        keep_app_secret(bench, connection, row, loose.secret)
        connection.execute(
            update(INTEGRATION)
            .where(INTEGRATION.c.id == row.id)
            .values(
                status=Status.PAUSED.value if paused else Status.ACTIVE.value,
                status_code=None,
                status_reason="",
                failures=0,
                failing_since=None,
                form=form,
                remote_account_id=remote.id if own else row.remote_account_id,
                remote_account_name=remote.name,
                scopes=list(remote.scopes),
                next_run_at=None if paused else (now + timedelta(seconds=5) if due else None),
            )
        )
        bench.audit(connection, "reconnect", row.id, row.status)


def _with_kept(bench: Bench, manifest: Manifest, row: Any, given: dict[str, Any]) -> dict[str, Any]:
    """What was given, over what was known before where that is a part of it.

    The other end knows the secret of an endpoint of one's own, so it stays; and where members may be left out, some
    are added or renewed without the others.
    """
    if all(form.type != "signed" and not any(f.optional for f in form.fields) for form in manifest.auth):
        return given
    known = StoredCredential(bench.store, bench.vault, row.id, bench.clock).read()
    return known | {name: value for name, value in given.items() if value}


def disconnect(bench: Bench, row: Any, reason: str) -> list[str]:
    """Revoke at the vendor as far as it lets us, then end it here; answers what could not be done there."""
    if row.status == Status.DISCONNECTED:
        return []
    notes: list[str] = []

    async def end() -> None:
        connector = bench.connector(row)
        try:
            with bench.store.read() as connection:
                hooks = connection.execute(
                    select(SUBSCRIPTION).where(SUBSCRIPTION.c.integration_id == row.id)
                ).all()
            for hook in hooks:
                if isinstance(connector, Subscriber) and hook.remote_id:
                    await connector.unsubscribe(hook.remote_id)
            if not await connector.revoke():
                notes.append(f"{bench.catalog[row.platform].title} has no call to withdraw this credential.")
        finally:
            await connector.close()

    try:
        run_now(end())
    except PerkstarError as error:
        notes.append(f"The credential could not be withdrawn at the vendor: {error.message}")
    acts.disconnected(bench, row, reason)
    return notes


def test_connection(bench: Bench, row: Any) -> v.TestView:
    """Step by step: the credential, the account, one read of each data type, and what arrived of what was told."""
    steps: list[v.TestStep] = []
    title = bench.catalog[row.platform].title

    async def walk() -> None:
        connector = bench.connector(row)
        try:
            remote = await connector.identify()
            steps.append(v.TestStep("credential", True, f"{title} accepts it."))
            same = not row.remote_account_id or remote.id == row.remote_account_id
            steps.append(
                v.TestStep(
                    "account",
                    same,
                    f"It belongs to {remote.name}.",
                    None if same else "Reconnect with the account it was connected to.",
                )
            )
            for name in row.config["data"]:
                data = DataType(name)
                spec = bench.catalog[row.platform].data.get(data)
                if spec is None or not spec.to_perkstar:
                    continue
                async for page in connector.read(data, None):
                    found = len(page.records) + len(page.sales)
                    total = f" of {page.total}" if page.total is not None else ""
                    steps.append(v.TestStep(f"read {name}", True, f"The first page has {found}{total}."))
                    break
            steps.extend(await arrived(bench, row, connector))
        finally:
            await connector.close()

    try:
        run_now(walk())
    except PerkstarError as error:
        steps.append(v.TestStep("call", False, error.message, error.remedy))
    return v.TestView(all(step.ok for step in steps), tuple(steps))


def remote_fields(bench: Bench, row: Any) -> list[RemoteField]:
    """Every field that the platform has for customers, asked for afresh."""

    async def ask() -> list[RemoteField]:
        connector = bench.connector(row)
        try:
            return await connector.fields(DataType.CUSTOMERS)
        finally:
            await connector.close()

    return run_now(ask())


def mapping_choices(bench: Bench, row: Any) -> v.MappingChoices:
    """Fields of both sides and the transforms, for whoever edits the mapping."""
    fields = remote_fields(bench, row)
    return v.MappingChoices(
        (*CUSTOMER_FIELDS, *LOYALTY_FIELDS),
        tuple((f.path, f.label, f.type) for f in fields),
        tuple(TRANSFORMS),
    )


def suggest_mapping(bench: Bench, row: Any) -> list[v.MappingLine]:
    """Lines that could be added to the mapping, by the names of the platform's fields."""
    from .suggesting import suggest

    entries = row.config["mapping"].get("customers", [])
    return suggest(
        remote_fields(bench, row), {entry["hub"] for entry in entries}, {entry["remote"] for entry in entries}
    )
