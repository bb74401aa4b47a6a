"""Why is my data not there? (K2): a guided check, each step answered from the store and the platform, with one end."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from perkstar_tui.model.enums import DataType, LinkState, Status
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.normal import email_key, phone_key
from perkstar_tui.model.remote import RemoteAccount
from perkstar_tui.sync import filters
from perkstar_tui.sync.config import CUSTOMER_FIELDS
from perkstar_tui.sync.context import CURSOR, CUSTOMER, INTEGRATION, LINK, LOG, TRANSACTION
from perkstar_tui.sync.outward import waits_for_other
from perkstar_tui.sync.sales import NO_CARD, NO_CUSTOMER, REASONS, SALE_REMEDIES

from . import explaining, reading
from . import views as v
from .bench import Bench
from .connecting import run_now
from .explaining import Eye
from .queue import item_of
from .waiting import WhyStep, WhyView

STEPS: Mapping[str, str] = {
    "connection": "Connected, active, authorised",
    "data": "Data type and direction",
    "filters": "Filters",
    "mapping": "Mapping and needed fields",
    "match": "Match and duplicates",
    "limits": "Limits and refusals",
    "permissions": "Permissions",
    "vendor": "The record at the platform",
    "sale": "Sale, card and earning",
    "timing": "Timing",
}
"""The steps in the order in which a cause outranks another: what comes first makes the rest idle."""


def why(bench: Bench, wanted: str | None, integration_id: str | None) -> WhyView:
    """Check a record at an integration, or the integration itself without one.

    Raises NOT_FOUND or AMBIGUOUS for the integration, and AMBIGUOUS for a name that finds several records. Where only
    one word is given it may be either.
    """
    if wanted is not None and integration_id is None:
        try:
            integration_id, wanted = bench.find(wanted).id, None
        except PerkstarError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
    found = _record(bench, wanted) if wanted else None
    row = _integration(bench, integration_id, found)
    with bench.store.read() as connection:
        check = _Check(bench, connection, row, wanted, found)
        check.store()
    check.ask()
    return check.view()


def _record(bench: Bench, wanted: str) -> v.RecordView | None:
    try:
        return reading.record(bench, wanted, None)
    except PerkstarError as error:
        if error.kind is not ErrorKind.NOT_FOUND:
            raise
        return None


def _integration(bench: Bench, integration_id: str | None, found: v.RecordView | None) -> Any:
    """The integration that is meant: named, the only one, or that which a sale came from."""
    with bench.store.read() as connection:
        rows = connection.execute(select(INTEGRATION).where(INTEGRATION.c.kind != "system")).all()
    if integration_id is not None:
        return next(row for row in rows if row.id == integration_id)
    live = [row for row in rows if row.status != Status.DISCONNECTED.value] or rows
    if found is not None and found.kind in ("sale", "refund"):
        live = [row for row in rows if row.id == found.platforms[0].integration_id] or live
    if len(live) == 1:
        return live[0]
    if not live:
        raise PerkstarError(
            ErrorKind.NOT_FOUND,
            "There is no integration.",
            remedy="`perkstar connect` makes one; `perkstar catalog`.",
        )
    if found is not None:
        # Where it is not well, if that is one place.
        sides = [
            s
            for s in explaining.record(bench, found.id, None).platforms
            if s.standing not in ("in_step", "told")
        ]
        ill = [row for row in live if row.id in {side.integration_id for side in sides}]
        if len(ill) == 1:
            return ill[0]
    names = ", ".join(row.name for row in live)
    raise PerkstarError(
        ErrorKind.AMBIGUOUS, f"At which integration? There are {len(live)}.", remedy=f"Name one of: {names}."
    )


class _Check:
    """One check: first what the store knows, then what the platform says."""

    def __init__(
        self, bench: Bench, connection: Connection, row: Any, wanted: str | None, found: v.RecordView | None
    ) -> None:
        self.bench, self.connection, self.row, self.wanted, self.found = bench, connection, row, wanted, found
        self.eye = Eye(bench, connection, row)
        self.config = self.eye.config
        self.title = self.eye.title
        self.steps: dict[str, WhyStep] = {}
        self.person: dict[str, Any] | None = None
        self.sale: Any = None
        self.links: Sequence[Any] = ()
        self.stands: explaining.Standing | None = None
        self.cursor = 0

    def put(
        self,
        name: str,
        ok: bool | None,
        finding: str,
        cause: str = "",
        remedy: str = "",
        command: str = "",
        key: str = "",
    ) -> None:
        self.steps[name] = WhyStep(name, STEPS[name], ok, finding, remedy, command, key, "" if ok else cause)

    # -- from the store
    def store(self) -> None:
        if self.found is not None:
            self._subject(self.found)
        if self.person is not None:
            self.stands = self.eye.standing(self.person, self.links[0] if self.links else None)
        elif self.links:
            self.stands = self.eye.of_link(self.links[0])
        self.cursor = self.eye.sent_up_to()
        for step in (
            self._connection,
            self._data,
            self._filters,
            self._mapping,
            self._match,
            self._limits,
            self._permissions,
            self._sale,
            self._timing,
        ):
            step()

    def _subject(self, found: v.RecordView) -> None:
        """Who or what it is about, and its links at this integration; one that stands comes first."""
        if found.id.startswith("trn_"):
            self.sale = self.connection.execute(select(TRANSACTION).where(TRANSACTION.c.id == found.id)).one()
            return
        mine = (LINK.c.integration_id == self.row.id) & (LINK.c.data == DataType.CUSTOMERS.value)
        person = self.connection.execute(select(CUSTOMER).where(CUSTOMER.c.id == found.id)).first()
        if person is not None:
            self.person = dict(person._mapping)
            links = self.connection.execute(select(LINK).where(mine, LINK.c.hub_id == found.id)).all()
        else:
            links = self.connection.execute(select(LINK).where(mine, LINK.c.remote_id == found.id)).all()
        self.links = sorted(links, key=lambda link: (link.state != LinkState.LINKED.value, link.id))

    def _connection(self) -> None:
        row = self.row
        match Status(row.status):
            case Status.DRAFT:
                self.put(
                    "connection",
                    False,
                    f"{row.name} is a draft: nothing is synced before it is active.",
                    "draft",
                    "Activate it.",
                    f"perkstar activate {row.id}",
                    "Enter",
                )
            case Status.DISCONNECTED:
                self.put(
                    "connection",
                    False,
                    f"{row.name} was disconnected: nothing is synced.",
                    "disconnected",
                    "Connect it again; it takes up its links.",
                    f"perkstar connect {row.platform}",
                    "a",
                )
            case Status.PAUSED:
                by = f" by {row.paused_by}" if row.paused_by else ""
                self.put(
                    "connection",
                    False,
                    f"{row.name} is paused{by}: nothing is read or sent.",
                    "paused",
                    "Resume it.",
                    f"perkstar resume {row.id}",
                    "p",
                )
            case Status.RECONNECT_REQUIRED:
                self.put(
                    "connection",
                    False,
                    f"{self.title} refuses the credential of {row.name}.",
                    "reconnect",
                    "Give a new credential.",
                    f"perkstar reconnect {row.id}",
                    "R",
                )
            case _:
                self.put("connection", True, f"{row.name} is active.")

    def _data(self) -> None:
        row, config = self.row, self.config
        wanted = DataType.TRANSACTIONS if self.sale is not None else DataType.CUSTOMERS
        ways = {"both": "both ways", "to-platform": "to the platform only", "to-perkstar": "to Perkstar only"}
        if wanted not in config.data:
            self.put(
                "data",
                False,
                f"{wanted.value.capitalize()} are not among the data of {row.name}.",
                "data_off",
                "Switch that data type on.",
                f"perkstar edit {row.id} --set data={','.join((*config.data, wanted))}",
                "e",
            )
        elif self.stands is not None and self.stands.code == "direction":
            self.put(
                "data",
                False,
                self.stands.words,
                "direction",
                "Let both ways through, if that is meant.",
                f"perkstar edit {row.id} --set direction=both",
                "e",
            )
        elif wanted is DataType.TRANSACTIONS:
            told = config.rows is not None and config.direction.outward
            way = f"are told to {self.title}" if told else f"come in from {self.title}"
            self.put("data", True, f"Sales {way}.")
        else:
            self.put("data", True, f"{wanted.value.capitalize()} go {ways[config.direction.value]}.")

    def _filters(self) -> None:
        row, stands = self.row, self.stands
        named = [
            (n, getattr(self.config, a))
            for n, a in (
                (filters.TO_PLATFORM, "sends"),
                (filters.TO_PERKSTAR, "takes"),
                (filters.SALES, "credits"),
            )
        ]
        there = [(name, one) for name, one in named if one is not None]
        if (
            self.sale is not None
            and self.config.credits is not None
            and self.sale.reason == self.config.credits.reason
        ):
            self.put(
                "filters",
                False,
                f"The sale was {self.sale.reason}.",
                "filter",
                "Change the filter for sales to come.",
                f"perkstar edit {row.id} --set filter_sales=...",
                "e",
            )
        elif stands is not None and stands.code == "filter":
            self.put(
                "filters",
                False,
                stands.words,
                "filter",
                "Change the filter, or the field it asks for.",
                stands.command,
                "e",
            )
        elif there:
            said = "; ".join(f"{name}: {one.text}" for name, one in there)
            self.put("filters", True, f"Nothing is kept back by a filter ({said}).")
        else:
            self.put("filters", True, "There is no filter.")

    def _mapping(self) -> None:
        row, stands = self.row, self.stands
        if stands is not None and stands.code == "missing":
            self.put(
                "mapping",
                False,
                stands.words,
                "missing",
                "Fill the field in, or map another one to it.",
                f"perkstar mapping {row.id}",
                "m",
            )
        elif not self.config.lines and DataType.CUSTOMERS in self.config.data and not self.eye.only_told:
            self.put(
                "mapping",
                False,
                "No field is mapped, so there is nothing to sync.",
                "unmapped",
                "Map fields.",
                f"perkstar mapping {row.id} suggest",
                "m",
            )
        elif self.person is not None and not self.eye.only_told:
            mapped = {line.hub for line in self.config.lines}
            loose = [n for n in _filled(self.person) if n not in mapped]
            words = f" Not mapped, so not synced: {', '.join(loose)}." if loose else ""
            self.put("mapping", True, f"All that is needed is filled in.{words}")
        else:
            self.put("mapping", True, f"{len(self.config.lines)} fields are mapped.")

    def _match(self) -> None:
        row, stands = self.row, self.stands
        link = self.links[0] if self.links else None
        if stands is not None and stands.code == "left_out":
            self.put(
                "match", False, stands.words, "left_out", "Take that decision back.", stands.command, "z"
            )
        elif stands is not None and stands.code == "held":
            behind = link is not None and waits_for_other(link)
            self.put(
                "match",
                False,
                stands.words,
                "held",
                "Settle that record first." if behind else "Say whose record it is.",
                stands.command,
                "Q",
            )
        elif stands is not None and stands.code == "archived":
            self.put(
                "match",
                False,
                self._archived(),
                "archived",
                "Undo that, if it was not meant.",
                "perkstar customers unmerge" if self.person and self.person["merged_into"] else "",
                "z",
            )
        elif self.found is None and self.wanted is None:
            held = self._failing("held")
            words = f"{held} records wait for a person." if held else "Nothing is held."
            self.put("match", True, words, command=f"perkstar queue {row.id}" if held else "")
        elif link is not None and link.remote_id:
            self.put("match", True, f"It is the record {link.remote_id} at {self.title}.")
        else:
            self.put("match", True, "Nothing stands in its way.")

    def _archived(self) -> str:
        into = self.person["merged_into"] if self.person else None
        return (
            f"It was merged into {into}: that customer is synced instead."
            if into
            else "It is archived in Perkstar."
        )

    def _failing(self, word: str) -> int:
        from .queue import held_condition

        kind = "refused" if word == "refused" else None
        total = self.connection.execute(select(LINK.c.id).where(held_condition(kind, self.row.id))).all()
        return len(total) - (self._failing("refused") if word == "held" else 0)

    def _limits(self) -> None:
        row, stands = self.row, self.stands
        if stands is not None and stands.code == "refused":
            again = self.links[0].next_attempt if self.links else None
            when = f" It is tried again at {again:%Y-%m-%d %H:%M} UTC." if again else ""
            words = self._vendor_words()
            self.put(
                "limits",
                False,
                f"{stands.words}{words}{when}",
                "refused",
                "Correct the field.",
                stands.command,
                "e",
            )
        elif stands is not None and stands.code == "failing":
            self.put("limits", False, stands.words, "delivery", "Have it told again.", stands.command, "!")
        elif row.status_code == ErrorKind.RATE_LIMITED:
            until = f" It goes on at {row.next_run_at:%Y-%m-%d %H:%M} UTC." if row.next_run_at else ""
            self.put(
                "limits",
                False,
                f"{row.status_reason or 'The quota of the platform is used up.'}{until}",
                "quota",
                "Nothing: it goes on by itself.",
            )
        elif row.status_code == ErrorKind.MASS_CHANGE:
            self.put(
                "limits",
                False,
                row.status_reason,
                "mass_change",
                "Look at the changes, then accept them.",
                f"perkstar preview {row.id}; perkstar sync {row.id} --accept-mass-change",
                "w",
            )
        else:
            refused = self._failing("refused") if self.wanted is None else 0
            self.put(
                "limits",
                True,
                f"{refused} records are refused." if refused else "Nothing is refused or limited.",
                command=f"perkstar queue {row.id} --kind refused" if refused else "",
            )

    def _vendor_words(self) -> str:
        record = self.person["id"] if self.person else self.wanted
        said = self.connection.execute(
            select(LOG.c.vendor_message)
            .where(
                LOG.c.integration_id == self.row.id, LOG.c.record == record, LOG.c.vendor_message.is_not(None)
            )
            .order_by(LOG.c.id.desc())
        ).scalar()
        return f" The vendor says: {said}." if said else ""

    def _permissions(self) -> None:
        if self.row.status_code == ErrorKind.PERMISSION_MISSING:
            self.put(
                "permissions",
                False,
                self.row.status_reason or "A permission is missing.",
                "permission",
                "Grant it at the vendor, then reconnect.",
                f"perkstar reconnect {self.row.id}",
                "R",
            )
        else:
            self.put("permissions", True, "No permission was found to be missing.")

    def _sale(self) -> None:
        sale, row = self.sale, self.row
        if sale is None:
            return
        own = sale.integration_id == row.id
        reason = REASONS.get(sale.reason, sale.reason) or sale.state
        if not own:
            self.put("sale", None, "It came from another integration.")
        elif sale.state == "credited":
            owed = f" {sale.reason}." if sale.owed else ""
            self.put("sale", True, f"{sale.earned} are booked on the card {sale.card_id}.{owed}")
        elif sale.state == "queued":
            self.put(
                "sale",
                False,
                f"{sale.earned} are decided, and not booked yet.",
                "queued",
                "The next run books it.",
                f"perkstar sync {row.id}",
                "s",
            )
        else:
            cause = (
                sale.reason
                if sale.reason in REASONS
                else "refund"
                if sale.line_kind == "refund"
                else "earning_rule"
            )
            word = "It waits" if sale.state == "pending" else "It gave nothing"
            commands = {
                NO_CUSTOMER: f"perkstar edit {row.id} --set data=customers,transactions",
                NO_CARD: f"perkstar edit {row.id} --set issue_cards=sale",
                "before_start": f"perkstar edit {row.id} --set credit_from=...",
                "window_over": f"perkstar edit {row.id} --set pending_window_days=...",
                "earning_rule": f"perkstar edit {row.id} --set earn_rules=...",
            }
            remedy = SALE_REMEDIES.get(cause, "Change the earning rule, for sales to come.")
            if cause == "refund":
                remedy = "Look at the sale that was refunded."
            command, key = commands.get(cause, ""), "e"
            if cause == NO_CUSTOMER:
                remedy, command, key = self._buyer_missing(sale)
            elif cause == NO_CARD and self.config.issue_cards != "never":
                remedy, command, key = (
                    "Give its customer a card of this template: the next run credits it.",
                    "",
                    "",
                )
            self.put("sale", False, f"{word}: {reason}.", cause, remedy, command, key)

    def _buyer_missing(self, sale: Any) -> tuple[str, str, str]:
        """What mends a sale whose customer is not here, by what is so already: remedy, command and key."""
        row = self.row
        if DataType.CUSTOMERS not in self.config.data:
            return (
                SALE_REMEDIES[NO_CUSTOMER],
                f"perkstar edit {row.id} --set data=customers,transactions",
                "e",
            )
        buyer = sale.customer_remote_id
        link = (
            buyer
            and self.connection.execute(
                select(LINK).where(LINK.c.integration_id == row.id, LINK.c.remote_id == buyer)
            ).first()
        )
        if link and (waits := item_of(link)):
            return (
                "Its buyer waits in the queue: say who that is.",
                f"perkstar settle {waits} --take ...",
                "Q",
            )
        if buyer and not link:
            return (
                f"Its buyer is the record {buyer} at {self.title}, which has not come in: read the customers in full.",
                f"perkstar sync {row.id} --full",
                "s",
            )
        contact = sale.contact or {}
        known = " and ".join(str(contact[key]) for key in ("email", "phone") if contact.get(key))
        named = f"Give a customer {known}" if known else "Put a customer on the sale at the till"
        return f"{named}: it is credited with the next run.", "", ""

    def _timing(self) -> None:
        row, stands = self.row, self.stands
        last = f"Last run {row.last_sync:%Y-%m-%d %H:%M} UTC" if row.last_sync else "No run so far"
        upcoming = f", next {row.next_run_at:%Y-%m-%d %H:%M} UTC" if row.next_run_at else ", next by hand"
        at = ""
        if self.person is not None:
            ahead = self.person["revision"] > self.cursor
            at = " What changed of it is sent with the next run." if ahead else " Sending has passed it."
        elif (read := self._read_at()) is not None:
            at = f" Read up to {read:%Y-%m-%d %H:%M} UTC."
        said = f"{last}{upcoming}.{at}"
        if row.status == Status.ERROR.value and row.status_code not in (
            ErrorKind.MASS_CHANGE.value,
            ErrorKind.PERMISSION_MISSING.value,
            ErrorKind.RATE_LIMITED.value,
        ):
            why_ = row.status_reason or "the last runs failed"
            self.put(
                "timing",
                False,
                f"The last run failed: {why_}",
                "failed_run",
                "Look at the log, then sync.",
                f"perkstar logs {row.id} --level error",
                "l",
            )
        elif row.last_sync is None and not row.requested:
            self.put(
                "timing",
                False,
                "No run was started yet.",
                "never_ran",
                "Start the first sync.",
                f"perkstar sync {row.id}",
                "s",
            )
        elif stands is not None and stands.code in ("to_send", "to_take", "first"):
            self.put(
                "timing",
                False,
                f"{stands.words} {said}",
                "not_yet",
                "Wait for it, or sync now.",
                f"perkstar sync {row.id}",
                "s",
            )
        elif self.sale is not None and self.config.rows is not None and self.sale.integration_id != row.id:
            told = self.eye.told({"id": self.sale.id})
            if told.words.endswith("so far."):
                self.put(
                    "timing",
                    False,
                    f"It was not told yet. {said}",
                    "not_yet",
                    "Wait for it, or sync now.",
                    f"perkstar sync {row.id}",
                    "s",
                )
            else:
                self.put("timing", True, told.words)
        else:
            self.put("timing", True, said)

    def _read_at(self) -> Any:
        return self.connection.execute(
            select(CURSOR.c.at)
            .where(CURSOR.c.integration_id == self.row.id, CURSOR.c.leg == "in")
            .order_by(CURSOR.c.at.desc())
        ).scalar()

    # -- from the platform
    def ask(self) -> None:
        """Ask whether the credential works, and for the record itself."""
        if self.row.status in (Status.DISCONNECTED.value, Status.RECONNECT_REQUIRED.value):
            self.put("vendor", None, f"{self.title} can't be asked.")
            return
        if not self._identify():
            self.put("vendor", None, f"{self.title} could not be asked.")
            return
        if self.sale is not None or self.eye.only_told or DataType.CUSTOMERS not in self.config.data:
            return
        if self.wanted is not None:
            self._vendor()

    def _identify(self) -> bool:
        async def asking() -> RemoteAccount:
            connector = self.bench.connector(self.row)
            try:
                return await connector.identify()
            finally:
                await connector.close()

        row = self.row
        try:
            who = run_now(asking())
        except PerkstarError as error:
            kinds = {
                ErrorKind.CREDENTIAL_REFUSED: ("reconnect", f"perkstar reconnect {row.id}", "R"),
                ErrorKind.CREDENTIAL_INVALID: ("reconnect", f"perkstar reconnect {row.id}", "R"),
                ErrorKind.PERMISSION_MISSING: ("permission", f"perkstar reconnect {row.id}", "R"),
                ErrorKind.RATE_LIMITED: ("quota", "", ""),
            }
            cause, command, key = kinds.get(error.kind, ("unreachable", f"perkstar test {row.id}", "t"))
            place = {"permission": "permissions", "quota": "limits"}.get(cause, "connection")
            if self.steps["connection"].ok:
                self.put(place, False, error.message, cause, error.remedy, command, key)
            return False
        step = self.steps["connection"]
        if row.remote_account_id and who.id != row.remote_account_id:
            self.put(
                "connection",
                False,
                f"{self.title} now answers as another account, {who.name}.",
                "account_changed",
                "Reconnect with the account it was connected to.",
                f"perkstar reconnect {row.id}",
                "R",
            )
        elif step.ok:
            self.put(
                "connection", True, f"{step.finding} {self.title} accepts the credential, as {who.name}."
            )
        return True

    def _keys(self) -> dict[str, str | None]:
        if self.person is not None:
            return {"email": self.person["email_key"], "phone": self.person["phone_key"]}
        text = self.wanted or ""
        keys = {"email": email_key(text) if "@" in text else None, "phone": None}
        if not keys["email"]:
            keys["phone"] = phone_key(text, self.config.country)
        return keys

    def _vendor(self) -> None:
        link = self.links[0] if self.links else None
        remote_id = link.remote_id if link is not None else None
        if self.person is None and link is None and not any(self._keys().values()):
            remote_id = self.wanted
        seen, record = explaining.look(self.bench, self.row, self.config, remote_id, self._keys())
        by = " and by ".join(seen.asked) or "nothing"
        row = self.row
        if seen.problem:
            self.put("vendor", None, f"{self.title} could not be asked: {seen.problem}")
        elif seen.presence in ("gone", "archived", "merged") and self.found is not None:
            self.put(
                "vendor",
                False,
                f"{self.title} says that it is {seen.presence} (asked by {by}).",
                "gone",
                f"Restore it at {self.title}, if that was not meant; it is not made again by itself.",
            )
        elif record is None or (seen.presence in ("gone",) and self.found is None):
            if self.found is None:
                self.put(
                    "vendor",
                    False,
                    f"Neither Perkstar nor {self.title} has it (asked by {by}).",
                    "nowhere",
                    "Check the address or number, or the account at the vendor.",
                )
            else:
                self.put("vendor", None, f"{self.title} has no such record (asked by {by}).")
        elif self.found is None:
            self._unread(record, by)
        elif self.person is not None and link is not None and link.remote_id:
            with self.bench.store.read() as connection:
                fields = Eye(self.bench, connection, row).fields(self.person, link, record)
            owed = [f.hub for f in fields if f.would.startswith(("sent", "taken"))]
            stays = [f"{f.hub} {f.would}" for f in fields if f.would.startswith("stays")]
            if owed and self._fine("timing"):
                self.put(
                    "timing",
                    False,
                    f"{', '.join(owed)} differ now, and the next run carries them over.",
                    "not_yet",
                    "Wait for it, or sync now.",
                    f"perkstar sync {row.id}",
                    "s",
                )
            words = f" What differs on purpose: {'; '.join(stays)}." if stays else ""
            self.put("vendor", True, f"It is there as {record.id} (asked by {by}).{words}")
        elif self.person is not None and seen.presence == "unlinked":
            self.put(
                "vendor",
                True,
                f"{len(seen.found)} there could be it: "
                f"{', '.join(f'{id_} {name}'.strip() for id_, name in seen.found)} (asked by {by}).",
            )
        else:
            self.put("vendor", True, f"It is there as {record.id} (asked by {by}).")

    def _unread(self, record: Any, by: str) -> None:
        """At the platform, and unknown here."""
        values = {path: record.fields.get(path) for path in self.config.paths}
        lines = [(n.remote, n.hub, n.transform.back, n.transform.same) for n in self.config.lines if n.inward]
        taken = self.config.takes
        self.put("vendor", True, f"It is there as {record.id} (asked by {by}), and unknown in Perkstar.")
        if not self.config.direction.inward:
            self.put(
                "data",
                False,
                f"{self.row.name} only sends: nobody is taken in from {self.title}.",
                "direction",
                "Let both ways through, if that is meant.",
                f"perkstar edit {self.row.id} --set direction=both",
                "e",
            )
        elif taken is not None and not taken.test(filters.in_hub_form(lines, values)):
            self.put(
                "filters",
                False,
                f"It would be {taken.reason}.",
                "filter",
                "Change the filter.",
                f"perkstar edit {self.row.id} --set filter_to_perkstar=...",
                "e",
            )
        elif self._fine("timing"):
            stands = self.eye.not_yet("to_take", "It is read")
            self.put(
                "timing",
                False,
                stands.words,
                "not_read",
                "Wait for it, or sync now.",
                f"perkstar sync {self.row.id}",
                "s",
            )

    def _fine(self, name: str) -> bool:
        return name not in self.steps or self.steps[name].ok is not False

    def view(self) -> WhyView:
        steps = tuple(self.steps[name] for name in STEPS if name in self.steps)
        ill = next((step for step in steps if step.ok is False), None)
        kind = "integration" if self.wanted is None else self.found.kind if self.found else "customer"
        record = self.found.id if self.found else self.wanted
        if ill is not None:
            return WhyView(
                self.row.id,
                self.row.name,
                record,
                kind,
                steps,
                ill.cause,
                ill.finding,
                ill.remedy,
                ill.command,
                ill.key,
            )
        if self.wanted is None:
            said = f"Nothing is wrong with {self.row.name} as a whole: name a record to look at it."
            return WhyView(self.row.id, self.row.name, record, kind, steps, "none", said)
        return WhyView(
            self.row.id, self.row.name, record, kind, steps, "none", "It is there: both sides agree."
        )


def _filled(person: Mapping[str, Any]) -> list[str]:
    """The fields of a customer that are filled in and could be mapped."""

    return [name for name in CUSTOMER_FIELDS if person[name] not in (None, "", "unknown")]


__all__ = ["STEPS", "WhyStep", "WhyView", "why"]
