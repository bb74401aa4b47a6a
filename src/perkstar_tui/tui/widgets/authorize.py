"""Authorise: the vendor's forms, one after the other on demand; a form's fields, or the link to the vendor's page
with the answer caught by the loopback listener or pasted back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from perkstar_tui.hub.views import AuthFormView, AuthorizeLink

from ..signs import Line, clean
from .painted import Painted, app_of
from .picker import Option, Picker
from .table import Table


class AuthorizePane(Vertical):
    """Asks for what authorises; `Given` carries it."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "out", "back")]

    @dataclass
    class Given(Message):
        """A credential, as the person or the vendor's page gave it. Not tested yet."""

        credential: dict[str, Any]

    @dataclass
    class Part(Message):
        """Another part of the pane is shown: `forms`, `fields` or `link`."""

        name: str

    def __init__(self, platform: str, title: str, forms: Sequence[AuthFormView]) -> None:
        super().__init__(id="authorize")
        self._platform, self._title, self._forms = platform, clean(title), list(forms)
        self.part = "forms"
        self.form: AuthFormView | None = None
        self.link: AuthorizeLink | None = None

    def compose(self) -> ComposeResult:
        yield VerticalScroll(id="authorize-part", can_focus=False)
        yield Painted(id="wrong")

    async def on_mount(self) -> None:
        if len(self._forms) == 1:
            await self._show_fields(self._forms[0])
        else:
            await self._show_forms()

    def wrong(self, sentence: str) -> None:
        """Say what did not work; what was typed stays."""
        self.query_one("#wrong", Painted).paint((("▲ " if sentence else "", "bad"), (clean(sentence), "")))

    async def _show(self, part: str, *widgets: Widget) -> None:
        box = self.query_one("#authorize-part")
        await box.remove_children()
        await box.mount(*widgets)
        self.part = part
        for widget in [*box.query(Picker), *box.query(Input)][:1]:
            widget.focus()
        self.post_message(self.Part(part))

    # -- which way
    async def _show_forms(self) -> None:
        self.form = self.link = None
        options = [Option(form.id, form.title, _gist(form)) for form in self._forms]
        await self._show(
            "forms",
            Painted(((f"How should {self._title} be authorised?", ""),), classes="para"),
            Picker(options),
        )

    # -- the fields of one way
    async def _show_fields(self, form: AuthFormView) -> None:
        self.form, self.link = form, None
        if form.oauth and not form.fields:
            # The business's own app is known already, so there is nothing to ask before the vendor's page.
            await self._begin_link(form, {})
            if self.link is not None:
                return
        lines: list[Line] = [((clean(form.title), "title"),)]
        if form.permissions:
            lines += [(), (("It is asked for:", "dim"),)]
            lines += [(("  · ", "info"), (clean(words), "")) for words in form.permissions]
        widgets: list[Widget] = [Painted(*lines, classes="para")]
        for field in form.fields:
            may = "  (may stay empty)" if field.optional else ""
            widgets.append(
                Painted(
                    ((clean(field.label), "strong"), (f"{may}  {clean(field.help)}", "dim")), classes="ask"
                )
            )
            entry = Input(
                password=field.secret,
                id=f"field-{field.name}",
                compact=True,
                placeholder="may stay empty" if field.optional else "type or paste it here",
            )
            entry.cursor_blink = False
            widgets.append(entry)
        go = (
            "shows the link to the vendor's page"
            if form.oauth
            else "tests it; nothing is kept if it is refused"
        )
        widgets.append(
            Painted(
                (
                    ("Enter", "key"),
                    (f" in the last field {go}.   ", "dim"),
                    ("Tab", "key"),
                    (" next field", "dim"),
                ),
                classes="foot",
            )
        )
        await self._show("fields", *widgets)

    def _filled(self) -> dict[str, str] | None:
        """What was typed, by field; None while one that is needed is empty."""
        values: dict[str, str] = {}
        for field in self.form.fields if self.form else ():
            entry = self.query_one(f"#field-{field.name}", Input)
            value = entry.value.strip()
            if value:
                values[field.name] = value
            elif not field.optional:
                entry.focus()
                self.wrong("This field is still empty.")
                return None
        return values

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.wrong("")
        if self.part == "link":
            self._paste(event.value)
            return
        entries = list(self.query("#authorize-part Input").results(Input))
        at = entries.index(event.input)
        if at + 1 < len(entries):
            entries[at + 1].focus()
            return
        values = self._filled()
        if values is None or self.form is None:
            return
        if self.form.oauth:
            await self._begin_link(self.form, values)
        else:
            self.post_message(self.Given(dict(values)))

    # -- the vendor's page
    async def _begin_link(self, form: AuthFormView, client: dict[str, str]) -> None:
        program = app_of(self)
        try:
            link = await program.ask(program.hub.authorize_link, self._platform, form.id, client)
        except Exception as error:
            self.wrong(_sentence(error))
            return
        self.link = link
        waits = (
            "The answer is caught here by itself once you agree there."
            if link.listening
            else "When the browser ends on a page that does not open, copy its address and paste it here."
        )
        options = [
            Option("copy", "Copy the link", "open it in any browser"),
            Option("show", "Show the link alone", "full width, for the mouse"),
            Option("paste", "Paste the final address", "where it cannot be caught, as over SSH"),
            Option("again", "Start again"),
        ]
        pasted = Input(placeholder="the address the browser ended on", id="pasted", compact=True)
        pasted.cursor_blink = False
        await self._show(
            "link",
            Painted(
                (("Open this page and agree there:", "title"),),
                (),
                ((clean(link.url), "accent"),),
                (),
                ((waits, "dim"),),
                classes="para",
                id="link",
            ),
            Picker(options),
            pasted,
        )
        if link.listening:
            app_of(self).begin(lambda: self._wait(link), on=self, group="authorize", exclusive=True)

    async def _wait(self, link: AuthorizeLink) -> None:
        program = app_of(self)
        while self.is_attached and self.link is link:
            try:
                credential = await program.ask(program.hub.authorize_wait, link.ticket, 0.5)
            except Exception as error:
                self.wrong(_sentence(error))
                return
            if credential is not None:
                self._answered(link, credential)
                return

    def _answered(self, link: AuthorizeLink, credential: dict[str, Any]) -> None:
        if self.link is link:
            self.link = None
            self.post_message(self.Given(credential))

    def _paste(self, address: str) -> None:
        link = self.link
        if link is None or not address.strip():
            return

        async def pasting() -> None:
            program = app_of(self)
            try:
                credential = await program.ask(program.hub.authorize_paste, link.ticket, address.strip())
            except Exception as error:
                self.wrong(_sentence(error))
                return
            self._answered(link, credential)

        app_of(self).begin(pasting, on=self, group="paste")

    async def on_table_opened(self, event: Table.Opened) -> None:
        event.stop()
        if self.part == "forms":
            await self._show_fields(next(form for form in self._forms if form.id == event.row_id))
            return
        match event.row_id:
            case "copy":
                self.copy_link()
            case "show":
                self.show_link()
            case "paste":
                self.query_one("#pasted", Input).focus()
            case "again" if self.form is not None:
                await self._show_fields(self.form)

    def copy_link(self) -> None:
        """Copy the link to the vendor's page."""
        if self.link is not None:
            app_of(self).copy_text(self.link.url, "the link")

    def show_link(self) -> None:
        """The link alone on the screen."""
        if self.link is not None:
            from ..screens.text import TextScreen

            app_of(self).push_screen(TextScreen("The link", self.link.url))

    async def action_out(self) -> None:
        """One part back; from the first one the screen decides."""
        if isinstance(self.screen.focused, Input) and self.part == "link":
            self.query_one(Picker).focus()
        elif self.part == "link" and self.form is not None and self.form.fields:
            await self._show_fields(self.form)
        elif self.part != "forms" and len(self._forms) > 1:
            await self._show_forms()
        else:
            await self.screen.run_action("back" if hasattr(self.screen, "action_back") else "close")


def _gist(form: AuthFormView) -> str:
    if form.oauth:
        return "at the vendor's own page"
    return ", ".join(field.label for field in form.fields if not field.optional)


def _sentence(error: BaseException) -> str:
    from ..app import error_sentence

    return error_sentence(error)
