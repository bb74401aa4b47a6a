"""Platforms of the admin's own: manifests checked, tried against a real endpoint, and added to the catalog."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from perkstar_tui.model.enums import DataType
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import MOMENTS, Presence
from perkstar_tui.platforms.authored import Complaint, Problem, own, read_manifest, schema
from perkstar_tui.platforms.manifest import Manifest
from perkstar_tui.sync.config import CUSTOMER_FIELDS, LOYALTY_FIELDS
from perkstar_tui.sync.mapping import transform

from . import views as v
from .bench import OWN_PLATFORMS, Bench

__all__ = ["add", "own_manifests", "schema", "try_out", "validate"]

LARGEST = 256 * 1024


def own_manifests(home: Path) -> dict[str, Manifest]:
    """The admin's own platforms. A file that has become wrong is left out; `catalog validate` says why."""
    found = {}
    for file in sorted((home / OWN_PLATFORMS).glob("*.toml")):
        with suppress(OSError, UnicodeDecodeError):
            manifest, _ = read_manifest(file.read_text())
            if manifest is not None and manifest.name == file.stem:
                found[manifest.name] = own(manifest)
    return found


def _mapped(manifest: Manifest) -> Iterator[Problem]:
    """Whether the hub has what is mapped, and each field is mapped once."""
    for data, spec in manifest.data.items():
        seen: set[str] = set()
        for number, field in enumerate(spec.fields):
            place = ("data", data.value, "fields", number)
            if field.hub not in (*CUSTOMER_FIELDS, *LOYALTY_FIELDS, *MOMENTS):
                known = ", ".join((*CUSTOMER_FIELDS, *LOYALTY_FIELDS))
                yield (*place, "hub"), f"Perkstar has no field {field.hub!r}.", f"Use one of: {known}."
            if field.remote in seen:
                yield (*place, "remote"), f"{field.remote!r} is mapped twice.", "Map each field once."
            seen.add(field.remote)
            try:
                transform(field.transform)
            except PerkstarError as error:
                yield (*place, "transform"), error.message, error.remedy
        if data is DataType.CUSTOMERS and not {"email", "phone"} & {field.hub for field in spec.fields}:
            yield (
                ("data", data.value, "fields"),
                "Neither e-mail nor phone is mapped, so nobody could be matched.",
                'Map a field with hub = "email" or hub = "phone".',
            )


def validate(file: Path) -> tuple[Manifest | None, v.ManifestView]:
    """What is wrong with a manifest's file. Raises USAGE where there is no such file."""
    try:
        if file.stat().st_size > LARGEST:
            raise PerkstarError(
                ErrorKind.USAGE,
                f"{file} is larger than a manifest can be.",
                remedy=f"A manifest has at most {LARGEST // 1024} kB.",
            )
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else "it is no text in UTF-8"
        raise PerkstarError(
            ErrorKind.USAGE,
            f"{file} cannot be read: {why}.",
            remedy="Name a manifest's file, such as till.toml.",
        ) from None
    manifest, complaints = read_manifest(text, _mapped)
    return manifest, v.ManifestView(
        str(file), manifest.name if manifest else "", not complaints, tuple(map(_shown, complaints))
    )


def _shown(complaint: Complaint) -> v.ComplaintView:
    return v.ComplaintView(complaint.line, complaint.place, complaint.message, complaint.remedy)


def add(bench: Bench, file: Path) -> v.ManifestView:
    """Take a manifest into the catalog, in place of an earlier one of its name. Raises USAGE if it is not right."""
    from perkstar_tui.platforms.catalog import PLANNED, load_catalog

    if bench.settings.read_only:
        raise PerkstarError(ErrorKind.NOT_ALLOWED, "The store is open read-only, so nothing can be changed.")
    manifest, view = validate(file)
    if manifest is None or not view.ok:
        first = view.complaints[0]
        where = f"line {first.line}: " if first.line else ""
        more = f" (and {len(view.complaints) - 1} more)" if len(view.complaints) > 1 else ""
        raise PerkstarError(
            ErrorKind.USAGE,
            f"{file} is not taken: {where}{first.message}{more}",
            remedy=f"{first.remedy} `perkstar catalog validate {file}` lists everything.",
            field=first.place or None,
        )
    if manifest.name in load_catalog(drafts=True) or manifest.name in {one.name for one in PLANNED}:
        raise PerkstarError(
            ErrorKind.USAGE,
            f"The catalog has a {manifest.name} already.",
            remedy="Give your platform another name.",
            field="name",
        )
    folder = bench.settings.home / OWN_PLATFORMS
    folder.mkdir(mode=0o700, exist_ok=True)
    target = folder / f"{manifest.name}.toml"
    fresh = folder / f".{manifest.name}.new"
    with os.fdopen(os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as out:
        out.write(file.read_text())
    fresh.replace(target)
    with bench.store.write() as connection:
        # Whoever shows the catalog sees by this that something has changed.
        bench.audit(connection, "catalog.add", None, None, {"platform": manifest.name})
    bench.__dict__.pop("catalog", None)
    return view


def try_out(manifest: Manifest, url: str, given: dict[str, Any], clock: Any) -> v.TestView:
    """Each part that only reads, against a real endpoint: whose it is, its fields, a page, single records, a search."""
    return asyncio.run(_try_out(own(manifest), url, given, clock))


async def _try_out(manifest: Manifest, url: str, given: dict[str, Any], clock: Any) -> v.TestView:
    from perkstar_tui.platforms.auth import normalise_credential
    from perkstar_tui.platforms.registry import open_connector

    _, credential = normalise_credential(manifest, given, clock.now())
    connector = open_connector(
        manifest.name,
        _InMemory(credential),
        manifest=manifest,
        endpoints={manifest.name: {"url": url}},
        clock=clock,
        options={},
    )
    steps: list[v.TestStep] = []

    async def step(name: str, work: Any, words: Any) -> Any:
        try:
            found = await work
        except PerkstarError as error:
            said = f" It said: {error.vendor_words}" if error.vendor_words else ""
            steps.append(v.TestStep(name, False, error.message + said, error.remedy))
            return None
        steps.append(v.TestStep(name, True, words(found), ""))
        return found

    async def first_page(data: DataType) -> Any:
        async for page in connector.read(data, None):
            return page
        return None

    try:
        account = await step(
            "identify", connector.identify(), lambda a: f"The credential belongs to {a.name}."
        )
        for data, spec in manifest.data.items() if account is not None else ():
            if not spec.to_perkstar:
                continue
            if data is not DataType.CUSTOMERS:
                await step(
                    f"{data.value}: read",
                    first_page(data),
                    lambda p: f"The first page has {len(p.sales)} sales.",
                )
                continue
            await step("customers: fields", connector.fields(data), lambda f: f"{len(f)} fields were found.")
            page = await step(
                "customers: read", first_page(data), lambda p: f"The first page has {len(p.records)} records."
            )
            record = page.records[0] if page and page.records else None
            if record is None:
                continue
            filled = [f.hub for f in spec.fields if record.fields.get(f.remote) not in (None, "")]
            steps.append(
                v.TestStep(
                    "customers: mapping",
                    bool(filled),
                    f"Filled in the first record: {', '.join(filled) or 'none of the mapped fields'}.",
                    "" if filled else "Compare `remote` of each field with what the endpoint answers.",
                )
            )
            await step(
                "customers: fetch",
                connector.get(data, [record.id]),
                lambda f: (
                    "The first record is found by its id."
                    if next(iter(f.values()))[0] is Presence.THERE
                    else "The first record is not found by its id: look at [data.customers.fetch]."
                ),
            )
            for field in spec.fields:
                value = record.fields.get(field.remote)
                if field.hub in spec.find and value:
                    await step(
                        f"customers: find by {field.hub}",
                        connector.find(data, field.hub, str(value)),
                        lambda f: f"{len(f)} found with the first record's.",
                    )
    finally:
        await connector.close()
    return v.TestView(all(one.ok for one in steps), tuple(steps))


class _InMemory:
    """A credential that is tried and not kept."""

    def __init__(self, credential: dict[str, Any]) -> None:
        self.credential = credential

    async def load(self) -> dict[str, Any]:
        return dict(self.credential)

    async def renew(self, stale: dict[str, Any]) -> Any:
        raise PerkstarError(ErrorKind.CREDENTIAL_REFUSED, "The access has ended; a trial does not renew it.")
