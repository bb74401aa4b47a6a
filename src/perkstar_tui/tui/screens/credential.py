"""Giving a credential anew: to an integration that asks for it, or for the account's own key."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from perkstar_tui.hub import views as v

from ..signs import Line, ago, clean
from ..widgets.authorize import AuthorizePane
from ..widgets.painted import Painted
from .base import Sheet, still_input
from .sheets import LEAVE

_STAYS = "Left empty, it stays as it is."


class ReconnectSheet(Sheet[dict[str, Any]]):
    """Asks for a new credential of the same account; answers it, and the caller has it tested."""

    def __init__(
        self, view: v.IntegrationView, forms: Sequence[v.AuthFormView], impact: v.ImpactView
    ) -> None:
        super().__init__()
        if view.kind == "webhook":
            # Whoever is at the other end knows the present secret: what is not given anew stays.
            forms = [
                replace(form, fields=tuple(replace(f, optional=True, help=_STAYS) for f in form.fields))
                for form in forms
            ]
        self._view, self._forms, self._impact = view, forms, impact

    def compose(self) -> ComposeResult:
        impact = self._impact
        with Vertical(id="sheet") as box:
            box.border_title = clean(impact.title)
            lines: list[Line] = [
                ((clean(text), "dim"),) for text in (*impact.stops, *impact.stays, impact.back)
            ]
            yield Painted(*lines, classes="para")
            yield AuthorizePane(self._view.platform, self._view.platform_title, self._forms)
            yield Painted(LEAVE, classes="foot")

    def on_authorize_pane_given(self, event: AuthorizePane.Given) -> None:
        self.dismiss(event.credential)


class KeySheet(Sheet[None]):
    """The account's key: whose it is, when it last worked, and a new one in its place, tested before it is taken."""

    def __init__(self, key: v.KeyView, local: bool) -> None:
        super().__init__()
        self._key, self._local = key, local

    def compose(self) -> ComposeResult:
        key, now = self._key, self.program.now()
        with Vertical(id="sheet") as box:
            box.border_title = "API key"
            if key.masked is None:
                yield Painted(((clean(key.note) or "This account has no key.", ""),), classes="para")
                yield Painted((("Esc", "key"), (" back", "dim")), classes="foot")
                return
            worked = "never" if key.last_worked is None else ago(key.last_worked, now)
            yield Painted(
                ((f"{'Key':<14}", "dim"), (clean(key.masked), "strong")),
                ((f"{'Of':<14}", "dim"), (clean(key.label), "")),
                ((f"{'Added':<14}", "dim"), (ago(key.added, now), "")),
                ((f"{'Last worked':<14}", "dim"), (worked, "")),
                ((f"{'Calls today':<14}", "dim"), (f"{key.calls_today:,}", "")),
                classes="para",
            )
            if self._local or self.program.read_only:
                yield Painted((("Esc", "key"), (" back", "dim")), classes="foot")
                return
            yield Painted(
                (
                    ("A new key in its place", "strong"),
                    ("  tested first; the old one stays if it is refused", "dim"),
                ),
                classes="ask",
            )
            yield still_input(password=True, compact=True, placeholder="paste the new key")
            yield Painted(id="wrong")
            yield Painted((("Enter", "key"), (" tests and takes it   ", "dim"), *LEAVE), classes="foot")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value.strip():
            value = event.value.strip()
            self.program.begin(lambda: self._replace(value), on=self, exclusive=True)

    async def _replace(self, value: str) -> None:
        from ..app import error_sentence

        self.query_one("#wrong", Painted).paint((("Testing the new key …", "dim"),))
        try:
            key = await self.program.ask(self.program.hub.replace_key, value)
        except Exception as error:
            self.query_one("#wrong", Painted).paint((("▲ ", "bad"), (clean(error_sentence(error)), "")))
            return
        self.program.say(f"The new key works and is in use: {key.masked}")
        self.dismiss(None)
        self.program.renew_all()
