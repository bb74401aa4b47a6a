"""A platform's guide, drawn from its manifest so that it can't go stale (K1)."""

from perkstar_tui.model.enums import DataType

from .manifest import Manifest
from .parts import EventsSpec

KEPT = "Whoever is gone there is kept here with all points, and is not made there again."
"""What becomes of a customer whose record at a platform is deleted, archived or merged; the same for every platform."""


def guide_of(manifest: Manifest) -> str:
    """What it syncs, permissions, steps at the vendor, limits, what stays, links; Markdown."""
    about = manifest.guide
    lines = [
        f"# {manifest.title}",
        "",
        *([str(about.what), ""] if about.what else []),
        "## What it syncs",
        "",
    ]
    for data, spec in manifest.data.items():
        ways = [
            word
            for word, on in (("to Perkstar", spec.to_perkstar), ("from Perkstar", spec.to_platform))
            if on
        ]
        kept = f" {KEPT}" if data is DataType.CUSTOMERS and spec.to_perkstar else ""
        lines.append(f"- **{data.value}**: {' and '.join(ways)}. {spec.deletes}{kept}".rstrip())
        if spec.journal is not None:
            lines.append("- **loyalty in the books**: a journal a day, if you choose so (`--set books=yes`).")
        if spec.events is not None:
            lines.append(_events(manifest, spec.events))
    lines += ["", "## Permissions it needs", ""]
    for form in manifest.auth:
        lines.append(f"**{form.title}**")
        lines += [f"- {scope.plain_words} (`{scope.name}`)" for scope in form.scopes]
        lines.append("")
    choices = [
        f"{option.label} (`--set {option.name}={'|'.join(option.choices) or '…'}`"
        f"{f', else {option.default}' if option.default else ''}). {option.help}".rstrip()
        for option in manifest.options
    ]
    for title, text in (
        ("Steps there", about.steps),
        ("Settings of its own", choices),
        ("Limits", about.limits),
        ("What stays there after disconnecting", about.disconnect),
    ):
        if text:
            shown = "\n".join(f"- {step}" for step in text) if isinstance(text, list | tuple) else str(text)
            lines += [f"## {title}", "", shown, ""]
    links = [("Documentation", about.docs_url), ("Status", about.status_url), ("Privacy", about.privacy_url)]
    if any(url for _, url in links):
        lines += ["## Links", "", *[f"- {name}: {url}" for name, url in links if url]]
    return "\n".join(lines)


def _events(manifest: Manifest, spec: EventsSpec) -> str:
    """What marketing can start from there, and how it is switched on."""
    form = (
        "as events" if spec.call is not None else "as days in fields of the customer, made there if missing"
    )
    left = " Whoever has said no to marketing is left out." if spec.marketing else ""
    return (
        f"- **loyalty events** (off until you set `events=yes`, or name some of them): tier changed, points expiring,"
        f" birthday, first purchase and inactive, {spec.shown or form}.{left} `inactive_days`, `expiring_days` and"
        f" `birthday_days_before` say when."
    )
