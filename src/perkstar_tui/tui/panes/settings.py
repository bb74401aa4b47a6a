"""Settings: every choice of an integration in words, each changed by Enter, checked by the hub, and undone by z."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import ClassVar

from textual.app import ComposeResult

from perkstar_tui.hub import views as v

from ..screens.change import ChangeSheet
from ..screens.sheets import ChooseSheet, SeveralSheet, TextSheet
from ..signs import DIRECTIONS, Line, clean, local
from ..widgets.painted import Painted, Panel
from ..widgets.picker import Option
from ..widgets.table import Column, Row, Table
from .pane import Pane

Choices = tuple[tuple[str, str], ...]

TRUTHS: Choices = (
    ("perkstar", "Perkstar wins when both sides changed"),
    ("platform", "the platform wins when both sides changed"),
    ("newest", "the later change wins"),
)
MATCHES: Choices = (
    ("email,phone", "by e-mail address, then by phone"),
    ("phone,email", "by phone, then by e-mail address"),
    ("email", "by e-mail address only"),
    ("phone", "by phone only"),
)
YES_NO: Choices = (("yes", "yes"), ("no", "no"))

SALES: tuple[tuple[str, str, str, Choices, str], ...] = (
    (
        "issue_cards",
        "Cards for new customers",
        "never",
        (
            ("never", "never made by a sync"),
            ("sale", "made at the first sale"),
            ("always", "made for everyone"),
        ),
        "Whether a customer without a card gets one.",
    ),
    (
        "earn",
        "What earns points",
        "spend",
        (
            ("spend", "the amount spent"),
            ("visit", "each visit"),
            ("product", "products"),
            ("cashback", "a share back"),
        ),
        "How a sale becomes points.",
    ),
    ("earn_rate", "Points for each unit", "1", (), "A number such as 1 or 0.5."),
    ("earn_minimum_minor", "Least amount that earns", "0", (), "In the smallest unit, such as pence."),
    (
        "earn_rounding",
        "Rounding",
        "down",
        (("down", "down"), ("nearest", "to the nearest"), ("even", "to the nearest, halves to even")),
        "Of points that do not come out whole.",
    ),
    ("earn_on_tax", "Taxes earn", "yes", YES_NO, "Whether the taxes in a sale earn points."),
    ("earn_on_tip", "Tips earn", "no", YES_NO, "Whether a tip earns points."),
    ("earn_on_shipping", "Shipping earns", "no", YES_NO, "Whether what was paid for shipping earns points."),
    (
        "earn_on_credit",
        "Gift cards earn",
        "yes",
        YES_NO,
        "Whether what was paid by gift card or store credit earns points.",
    ),
    (
        "earn_excluded",
        "Products without points",
        "",
        (),
        "Names, product ids or categories, with commas between.",
    ),
    ("earn_double_days", "Days that earn twice", "", (), "Such as tue, or 2026-12-24, with commas between."),
)


COMPARES: Choices = (("nightly", "every night"), ("weekly", "once a week"), ("never", "never by itself"))

CONDITIONS = {
    "filter_to_platform": (
        "Send only customers with",
        'A condition such as country = "GB"; empty sends all.',
    ),
    "filter_to_perkstar": (
        "Take in only those with",
        "A condition such as marketing_consent = yes; empty takes in all.",
    ),
    "filter_sales": ("Credit only sales with", "A condition such as total >= 5; empty credits all."),
    "earn_rules": ("Rules for points", 'Such as: when weekday = "tue" then x2; when tier = "gold" then +10%'),
}
"""Conditions in words (docs/expressions.md)."""

DAYS = {
    "inactive_days": ("Inactive after", "90", "Days without a visit."),
    "expiring_days": ("Points expiring within", "30", "Days before a balance expires."),
    "birthday_days_before": ("Birthday told before", "0", "Days before the birthday."),
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One line: its key for the hub, its words, the present value, and what it may be."""

    key: str
    label: str
    value: str
    words: str
    help: str
    choices: Choices = ()
    several: bool = False
    may_be_none: bool = False
    may_be_empty: bool = False
    number: bool = False
    secret: bool = False


def settings_of(view: v.IntegrationView, item: v.CatalogItem | None) -> list[Setting]:
    """All settings that can be changed."""
    data = item.data if item and item.data else view.data
    ways = item.directions if item and item.directions else tuple(DIRECTIONS)
    title = clean(view.platform_title or view.platform)
    out = [
        Setting("name", "Name", view.name, clean(view.name), "What it is called in lists and commands."),
        Setting("owner", "Owner", view.owner, clean(view.owner) or "–", "Who looks after it."),
        Setting("purpose", "Note", view.purpose, clean(view.purpose) or "–", "What it is for."),
        Setting(
            "data",
            "Data",
            ",".join(view.data),
            ", ".join(view.data),
            "What is kept in step.",
            tuple((name, name) for name in data),
            True,
        ),
        Setting(
            "direction",
            "Direction",
            view.direction,
            DIRECTIONS.get(view.direction, clean(view.direction)),
            "Which way data travels.",
            tuple((way, DIRECTIONS.get(way, way)) for way in ways),
        ),
        Setting(
            "frequency",
            "Frequency",
            view.frequency,
            _frequency(view.frequency),
            "How often it syncs.",
            _frequencies(item is not None and item.realtime),
        ),
        Setting(
            "match",
            "Match by",
            ",".join(view.match),
            dict(MATCHES).get(",".join(view.match), ", ".join(view.match)),
            "How the same person is found on both sides.",
            MATCHES,
        ),
        Setting(
            "source_of_truth",
            "Source of truth",
            view.source_of_truth,
            dict(TRUTHS).get(view.source_of_truth, clean(view.source_of_truth)),
            "Who wins a conflict.",
            TRUTHS,
        ),
    ]
    known = {key for key, *_ in SALES}
    if "customers" in view.data:
        ways_on = {"both": (True, True), "to-platform": (True, False), "to-perkstar": (False, True)}
        out_on, in_on = ways_on.get(view.direction, (True, True))
        shown = [("filter_to_platform", out_on), ("filter_to_perkstar", in_on)]
        out += [_condition(view, key) for key, on in shown if on or view.options.get(key)]
    known |= {*CONDITIONS}
    if "transactions" in view.data:
        start = str(view.options.get("credit_from", ""))
        out.append(
            Setting(
                "credit_from",
                "Credit sales from",
                start,
                clean(start)[:10] or "activation",
                "A date such as 2026-07-25.",
            )
        )
        for key, label, default, choices, help_ in SALES:
            value = str(view.options.get(key, default))
            words = dict(choices).get(value, clean(value)) or "–"
            out.append(Setting(key, label, value, words, help_, choices, may_be_empty=not default))
        if view.direction != "to-platform":
            out += [_condition(view, key) for key in ("earn_rules", "filter_sales")]
    if item is not None and item.events:
        out += _events(view, item.events)
        known |= {"events", *DAYS}
    if item is not None:
        out += [_option(view, option) for option in item.options]
        known |= {option.name for option in item.options}
    if item is not None and item.compares and view.frequency != "manual":
        value = str(view.options.get("full_compare") or COMPARES[0][0])
        help_ = "Everything is read once more, to find what nobody told of."
        words = dict(COMPARES).get(value, clean(value))
        out.append(Setting("full_compare", "Full compare", value, words, help_, COMPARES))
        known |= {"full_compare"}
    for key, raw in view.options.items():
        if key not in known and key not in ("credit_from", "template_id"):
            out.append(
                Setting(key, clean(key).replace("_", " "), str(raw), clean(raw), f"An option of {title}.")
            )
    return out


def _condition(view: v.IntegrationView, key: str) -> Setting:
    """A filter, or the earning rules: text that the hub reads."""
    label, help_ = CONDITIONS[key]
    value = str(view.options.get(key) or "")
    return Setting(key, label, value, clean(value) or "–", help_, may_be_empty=True)


def _about(setting: Setting) -> str:
    """A condition in full, since its column cuts it; of others the help."""
    return setting.words if setting.key in CONDITIONS and setting.value else setting.help


def _option(view: v.IntegrationView, option: v.OptionView) -> Setting:
    """An option of the platform, whether it was ever set or not. What a secret one holds is not for this place."""
    given = str(view.options.get(option.name) or "")
    value = "" if option.secret else given or option.default
    words = (HIDDEN if given else "not given yet") if option.secret else clean(value) or "–"
    choices = tuple((choice, clean(choice)) for choice in option.choices)
    return Setting(
        option.name,
        clean(option.label),
        value,
        words,
        clean(option.help),
        choices,
        may_be_empty=not choices,
        number=option.number,
        secret=option.secret,
    )


def _no_number(text: str) -> str:
    """What is wrong with a number as it was typed; nothing where it is one, or empty."""
    try:
        good = not text.strip() or 0 <= Decimal(text.strip()) < Decimal("Infinity")
    except InvalidOperation:
        good = False
    return "" if good else f"{clean(text)!r} is no number. Write one such as 1 or 0.5."


def _frequency(value: str) -> str:
    words = {"realtime": "real-time", "hourly": "every hour", "manual": "by hand only"}
    if value.startswith("daily@"):
        return f"every day at {clean(value[6:])}"
    return words.get(value, clean(value))


def _events(view: v.IntegrationView, kinds: tuple[str, ...]) -> list[Setting]:
    """Which loyalty events are told, and when."""
    given = str(view.options.get("events") or "no")
    chosen = ",".join(kinds) if given == "yes" else "" if given == "no" else given
    choices = tuple((kind, kind.replace("_", " ")) for kind in kinds)
    words = "none" if not chosen else ", ".join(part.replace("_", " ") for part in chosen.split(","))
    out = [
        Setting(
            "events",
            "Loyalty events",
            chosen,
            clean(words),
            "What campaigns there can start from.",
            choices,
            True,
            True,
        )
    ]
    if chosen:
        for key, (label, default, help_) in DAYS.items():
            value = str(view.options.get(key, default))
            out.append(Setting(key, label, value, clean(value), help_))
    return out


def _frequencies(realtime: bool) -> Choices:
    head: Choices = (("realtime", "real-time, as changes happen"),) if realtime else ()
    return (
        *head,
        ("hourly", "every hour"),
        ("daily", "every day at a time of your choice"),
        ("manual", "by hand only"),
    )


HIDDEN = "•" * 8
HISTORY = "earlier settings"
"""The row that opens the versions; no setting is called so."""


class SettingsPane(Pane):
    NAME: ClassVar[str] = "settings"
    TITLE: ClassVar[str] = "Settings"

    def __init__(self, view: v.IntegrationView) -> None:
        super().__init__(view)
        self._item: v.CatalogItem | None = None
        self._settings: list[Setting] = []

    def compose(self) -> ComposeResult:
        with Panel("Settings", id="settings"):
            yield Table(
                (
                    Column("label", "Setting", 24, share=1),
                    Column("words", "Value", 24, share=1),
                    Column("help", "", 20, share=1, leaves=1),
                ),
                id="settings-table",
            )
        yield Painted(id="settings-said")

    async def load(self, view: v.IntegrationView) -> None:
        self.view = view
        if self._item is None:
            items = await self.program.ask(self.program.hub.catalog)
            self._item = next((item for item in items if item.name == view.platform), None)
        self._settings = settings_of(view, self._item)
        rows = [
            Row(s.key, (((s.label, "strong"),), ((s.words, ""),), ((s.help, "dim"),))) for s in self._settings
        ]
        if view.config_version > 1:
            words = f"{view.config_version} versions"
            rows.append(
                Row(
                    HISTORY,
                    (
                        (("Earlier settings", "strong"),),
                        ((words, ""),),
                        (("What was changed, and a way back.", "dim"),),
                    ),
                )
            )
        self.query_one(Table).show(rows)
        self.query_one("#settings", Panel).head(right=((f"version {view.config_version}", "dim"),))
        self._draw_said()

    def _draw_said(self) -> None:
        """The line at the cursor in full, since columns cut long words."""
        here = self.query_one(Table).cursor_id
        setting = next((s for s in self._settings if s.key == here), None)
        about: Line = ((f"{setting.label}: ", "strong"), (_about(setting), "dim")) if setting else ()
        self.query_one("#settings-said", Painted).paint(
            about,
            (
                ("Enter", "key"),
                (" changes it; each change is checked, kept in the history, undone by ", "dim"),
                ("z", "key"),
            ),
        )

    def on_table_moved(self, event: Table.Moved) -> None:
        event.stop()
        self._draw_said()

    def on_table_opened(self, event: Table.Opened) -> None:
        event.stop()
        if event.row_id == HISTORY:
            self._history()
            return
        setting = next((s for s in self._settings if s.key == event.row_id), None)
        if setting is None or self.program.refused():
            return
        keep = self._keeper(setting)
        if setting.several:
            options = [Option(value, words) for value, words in setting.choices]
            chosen = frozenset(setting.value.split(","))
            self.program.push_screen(
                SeveralSheet(setting.label, options, chosen),
                lambda found: (
                    keep(",".join(v_ for v_, _ in setting.choices if v_ in found) or "no")
                    if found or (found is not None and setting.may_be_none)
                    else None
                ),
            )
        elif setting.choices:
            options = [Option(value, words) for value, words in setting.choices]
            at = "daily" if setting.value.startswith("daily") else setting.value
            self.program.push_screen(
                ChooseSheet(setting.label, options, at, setting.help),
                lambda value: (
                    self._daily(setting, keep) if value == "daily" else keep(value) if value else None
                ),
            )
        else:
            self._write(setting, keep, setting.value)

    def _write(self, setting: Setting, keep: Callable[[str], None], text: str, wrong: str = "") -> None:
        self.program.push_screen(
            TextSheet(
                setting.label,
                text,
                help=setting.help,
                secret=setting.secret,
                check=_no_number if setting.number else None,
                wrong=wrong,
            ),
            lambda value: keep(value) if value is not None else None,
        )

    def _look_first(self, setting: Setting, keep: Callable[[str], None], value: str) -> None:
        """Show what a change would do; it is kept once that was seen. One that is wrong can be written on."""
        hub, id_ = self.program.hub, self.view.id

        async def asking() -> None:
            from ..app import error_sentence

            try:
                change = await self.program.ask(hub.foresee, id_, {setting.key: value})
            except Exception as error:
                if setting.key not in CONDITIONS:
                    self.program.report(error)
                    return
                self._write(setting, self._keeper(setting), value, error_sentence(error))
            else:
                self.program.push_screen(
                    ChangeSheet(setting.label, change), lambda yes: keep(value) if yes else None
                )

        self.program.begin(asking)

    def _history(self) -> None:
        """The versions of the settings; choosing one puts it back as a new version."""
        hub, id_, zone = self.program.hub, self.view.id, self.zone

        async def asking() -> None:
            versions = await self.program.attempt(hub.history, id_)
            if versions is None:
                return
            options = []
            for each in versions:
                changes = "; ".join(
                    f"{clean(what)}: {clean(old)} → {clean(new)}" for what, old, new in each.changes
                )
                when = f"{each.version}  {local(each.at, zone):%d %b %Y %H:%M}"
                now = "as it is now. " if each.current else ""
                options.append(Option(str(each.version), when, f"{now}{changes or 'as it began'}"))
            present = next((each.version for each in versions if each.current), 0)

            def taken(version: str | None) -> None:
                if version is None or int(version) == present or self.program.refused():
                    return
                self.program.act(
                    lambda: hub.rollback(id_, int(version)),
                    f"The settings are those of version {version} again.",
                    undo=(
                        f"The settings are those of version {present} again.",
                        lambda: hub.rollback(id_, present),
                    ),
                )

            self.program.push_screen(
                ChooseSheet(
                    "Earlier settings", options, str(present), "Enter puts a version back, as a new one."
                ),
                taken,
            )

        self.program.begin(asking)

    def _daily(self, setting: Setting, keep: Callable[[str], None]) -> None:
        present = setting.value.removeprefix("daily@") if setting.value.startswith("daily@") else "03:00"
        self.program.push_screen(
            TextSheet(
                "Every day at", present, help="Hours and minutes on the account's clock, such as 03:00."
            ),
            lambda value: keep(f"daily@{value.strip()}") if value else None,
        )

    def _keeper(self, setting: Setting) -> Callable[[str], None]:
        hub, id_ = self.program.hub, self.view.id
        # What a secret was is not known here, so only a new one can take its place.
        kept = setting.key in self.view.options or setting.key in _FIELDS or setting.may_be_empty
        back = not setting.secret and bool(kept or setting.value)

        def keep(value: str) -> None:
            if value == setting.value:
                return
            if setting.key in CONDITIONS or setting.key.startswith("earn"):
                self._look_first(setting, change, value)
            else:
                change(value)

        def change(value: str) -> None:
            undo = (f"{setting.label} as it was.", lambda: hub.edit(id_, {setting.key: setting.value}))
            self.program.act(
                lambda: hub.edit(id_, {setting.key: value}),
                f"{setting.label} changed.",
                undo=undo if back else None,
            )

        return keep


_FIELDS = ("name", "owner", "purpose", "data", "direction", "frequency", "match", "source_of_truth")
