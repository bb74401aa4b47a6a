"""One line of a mapping: its five properties, each changed by Enter, and kept together."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical

from perkstar_tui.hub import views as v

from ..signs import DIRECTIONS, clean
from ..widgets.painted import Painted
from ..widgets.picker import Option, Picker
from ..widgets.table import Table
from .base import Sheet
from .sheets import LEAVE, ChooseSheet, TextSheet

HUB_FIELDS = {
    "first_name": "First name",
    "last_name": "Last name",
    "email": "E-mail address",
    "phone": "Phone number",
    "birth_date": "Birthday",
    "gender": "Gender",
    "language": "Language",
    "company": "Company",
    "address_line1": "Street",
    "city": "City",
    "region": "Region",
    "postcode": "Postcode",
    "country": "Country",
    "marketing_consent": "Consent to marketing",
    "balance": "Points, from Perkstar only",
    "tier": "Tier, from Perkstar only",
    "card_link": "Link to the wallet card, from Perkstar only",
    "card_serial": "Card number, from Perkstar only",
    "last_visit": "Last visit, from Perkstar only",
}
"""Perkstar's fields in words; the hub refuses any other."""

LOYALTY = ("balance", "tier", "card_link", "card_serial", "last_visit")

OTHER = "\x00other"
"""No platform names a field so."""

TRANSFORMS = {
    "text": "as it is, trimmed",
    "lower": "small letters, as for e-mail addresses",
    "e164": "phone number with + and country",
    "digits": "phone number, digits only",
    "number": "a number",
    "number_text": "a number, written as text",
    "date_iso": "date as 2026-07-25",
    "date_year0": "birthday whose year may be missing",
    "birthday_mmdd": "birthday as 07/25",
    "gender_number": "gender as 0, 1, 2",
    "upper": "capital letters",
    "title": "each word with a capital letter",
}
WITH_WORDS = {
    "date": (
        "date as DD/MM/YYYY …",
        "YYYY, MM and DD in the platform's order; without YYYY the year stays here.",
    ),
    "choice": (
        "a word here for a word there …",
        "Perkstar's word = the platform's word, separated by commas; then ;else=WORD for all others.",
    ),
    "constant": ("always the same text, to the platform only …", "What is sent for every customer."),
    "template": (
        "a text made of several fields, to the platform only …",
        "Fields in braces, such as {first_name} {last_name}.",
    ),
}
"""Transforms that need to be told something, which stands behind their colon."""
ONE_WAY = ("constant", "template")


def _words(transform: str) -> str:
    """A transform in words, where its name says too little."""
    kind = transform.partition(":")[0]
    return TRANSFORMS.get(transform) or WITH_WORDS.get(kind, ("your own", ""))[0].removesuffix(" …")


class MappingSheet(Sheet[v.MappingLine]):
    """Answers the line as it should be; the hub checks it."""

    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self, line: v.MappingLine, view: v.IntegrationView, taken: Sequence[str]) -> None:
        super().__init__()
        self.line, self._view = line, view
        self._new = not line.remote
        self._taken = set(taken)

    def compose(self) -> ComposeResult:
        with Vertical(id="sheet") as box:
            box.border_title = (
                "New line" if self._new else f"{clean(self.line.hub)} ⇄ {clean(self.line.remote)}"
            )
            yield Picker(self._options())
            yield Painted(id="wrong")
            yield Painted(
                (("Enter", "key"), (" changes it; the last line keeps all   ", "dim"), *LEAVE),
                classes="foot",
            )

    def _options(self) -> list[Option]:
        line = self.line
        title = clean(self._view.platform_title or "Platform")
        return [
            Option(
                "hub", "Perkstar field", HUB_FIELDS.get(line.hub, clean(line.hub)) if line.hub else "choose …"
            ),
            Option("remote", f"{title} field", clean(line.remote) or "write …"),
            Option("direction", "Direction", DIRECTIONS.get(line.direction, line.direction)),
            Option("transform", "Transform", clean(f"{line.transform}: {_words(line.transform)}")),
            Option(
                "may_clear",
                "Empty values",
                "clear the other side" if line.may_clear else "never clear the other side",
            ),
            Option("keep", "Keep this line", "", "good"),
        ]

    def _take(self, **more: object) -> None:
        self.line = replace(self.line, **more)  # type: ignore[arg-type]
        if self.line.hub in LOYALTY or self.line.transform.partition(":")[0] in ONE_WAY:
            self.line = replace(self.line, direction="to-platform")
        self.query_one(Picker).offer(self._options())
        self.query_one("#wrong", Painted).paint(())

    def on_table_opened(self, event: Table.Opened) -> None:
        event.stop()
        line, program = self.line, self.program
        match event.row_id:
            case "hub":
                options = [
                    Option(name, name, words + (" (mapped already)" if name in self._taken else ""))
                    for name, words in HUB_FIELDS.items()
                ]
                program.push_screen(
                    ChooseSheet("Perkstar field", options, line.hub),
                    lambda x: self._take(hub=x) if x else None,
                )
            case "remote":
                self.program.begin(self._ask_remote, on=self, group="remote", exclusive=True)
            case "direction":
                ways = [Option(value, words) for value, words in DIRECTIONS.items()]
                program.push_screen(
                    ChooseSheet("Direction", ways, line.direction),
                    lambda x: self._take(direction=x) if x else None,
                )
            case "transform":
                self._ask_transform()
            case "may_clear":
                self._take(may_clear=not line.may_clear)
            case _:
                self._done()

    async def _ask_remote(self) -> None:
        """The platform's own fields to choose from; where it cannot be asked, the field's name is written."""
        title = clean(self._view.platform_title or "the platform")
        said = self.query_one("#wrong", Painted)
        said.paint(((f"Asking {title} for its fields …", "dim"),))
        try:
            choices = await self.program.ask(self.program.hub.mapping_choices, self._view.id)
        except Exception:
            said.paint(((f"{title} cannot be asked now, so write the field's name.", "warn"),))
            self._write_remote()
            return
        said.paint(())
        options = [
            Option(path, clean(label), f"{clean(path)} · {clean(type_)}")
            for path, label, type_ in choices.remote
        ]
        options.append(Option(OTHER, "Another one …", "write its name"))

        def taken(path: str | None) -> None:
            if path == OTHER:
                self._write_remote()
            elif path:
                label = next((label for p, label, _ in choices.remote if p == path), path)
                self._take(remote=path, label=label)

        self.program.push_screen(ChooseSheet(f"{title} field", options, self.line.remote), taken)

    def _write_remote(self) -> None:
        self.program.push_screen(
            TextSheet(
                "Platform field",
                self.line.remote,
                help="As the platform names it, such as properties.birthday.",
            ),
            lambda x: self._take(remote=x.strip()) if x and x.strip() else None,
        )

    def _ask_transform(self) -> None:
        options = [Option(name, name, words) for name, words in TRANSFORMS.items()]
        options += [Option(name, f"{name} …", words) for name, (words, _) in WITH_WORDS.items()]
        present, _, given = self.line.transform.partition(":")

        def taken(name: str | None) -> None:
            if name in WITH_WORDS:
                self.program.push_screen(
                    TextSheet(name.capitalize(), given if name == present else "", help=WITH_WORDS[name][1]),
                    lambda x: self._take(transform=f"{name}:{x.strip()}") if x else None,
                )
            elif name:
                self._take(transform=name)

        self.program.push_screen(ChooseSheet("Transform", options, present), taken)

    def _done(self) -> None:
        missing = "Perkstar field" if not self.line.hub else "platform field" if not self.line.remote else ""
        if missing:
            self.query_one("#wrong", Painted).paint(((f"The {missing} is still missing.", "bad"),))
        else:
            self.dismiss(self.line)
