"""The error taxonomy (H6): one table of kinds, with meaning, policy and remedy for each."""

from enum import StrEnum
from typing import NamedTuple


class ErrorKind(StrEnum):
    CREDENTIAL_REFUSED = "credential_refused"
    CREDENTIAL_INVALID = "credential_invalid"
    PERMISSION_MISSING = "permission_missing"
    RATE_LIMITED = "rate_limited"
    SERVICE_UNAVAILABLE = "service_unavailable"
    NETWORK = "network"
    RECORD_REJECTED = "record_rejected"
    MAPPING = "mapping"
    CONFLICT = "conflict"
    DUPLICATE = "duplicate"
    MASS_CHANGE = "mass_change"
    ACCOUNT_CHANGED = "account_changed"
    LOOP = "loop"
    SCHEMA_CHANGED = "schema_changed"
    PLAN_LIMIT = "plan_limit"
    PREVIEW_OWED = "preview_owed"
    LOCKED = "locked"
    STORE_UNAVAILABLE = "store_unavailable"
    STORE_DAMAGED = "store_damaged"
    NOT_FOUND = "not_found"
    AMBIGUOUS = "ambiguous"
    USAGE = "usage"
    NOT_ALLOWED = "not_allowed"
    INTERNAL = "internal"


class KindFacts(NamedTuple):
    """One row of the catalogue of error codes (E9)."""

    meaning: str
    policy: str
    remedy: str
    exit_code: int


CATALOGUE: dict[ErrorKind, KindFacts] = {
    ErrorKind.CREDENTIAL_REFUSED: KindFacts(
        "A credential that once worked is refused: the grant was revoked or the key withdrawn.",
        "Status becomes Reconnect Required and no further call is made.",
        "Reconnect the integration (R, or `perkstar reconnect`); it goes on from where it stood.",
        5,
    ),
    ErrorKind.CREDENTIAL_INVALID: KindFacts(
        "The credential given has never worked.",
        "Nothing is kept.",
        "Check the key or token at the vendor and connect again.",
        5,
    ),
    ErrorKind.PERMISSION_MISSING: KindFacts(
        "The credential lacks a permission that this data type needs.",
        "That data type stops; the others go on. Status becomes Error.",
        "Grant the permission at the vendor, then reconnect.",
        5,
    ),
    ErrorKind.RATE_LIMITED: KindFacts(
        "The vendor asked for slower calls.",
        "Waits as long as the vendor says and goes on; no record fails.",
        "Nothing to do.",
        6,
    ),
    ErrorKind.SERVICE_UNAVAILABLE: KindFacts(
        "The vendor answered that it cannot serve at the moment.",
        "Tries again with growing pauses, then ends the run; the next run goes on from its cursor.",
        "Nothing to do unless it lasts; the vendor's status page tells more.",
        6,
    ),
    ErrorKind.NETWORK: KindFacts(
        "No whole answer came back: time-out, name, TLS or a broken connection.",
        "Tries again with growing pauses, then ends the run; the next run goes on from its cursor.",
        "Check this machine's way to the vendor with `perkstar doctor`.",
        6,
    ),
    ErrorKind.RECORD_REJECTED: KindFacts(
        "The vendor refused one record.",
        "That record is held; the rest goes on. It is tried again when either side changes.",
        "Correct the named field, or leave it out: it waits in the queue (Q, `perkstar queue`).",
        1,
    ),
    ErrorKind.MAPPING: KindFacts(
        "A value does not fit the field it is mapped to, or a required field is empty.",
        "That record is held; the rest goes on.",
        "Correct the value, or change the mapping of the named field.",
        1,
    ),
    ErrorKind.CONFLICT: KindFacts(
        "Both sides changed the same field since they last agreed.",
        "Settled by the integration's rule; all three values are kept.",
        "Nothing to do; look at the record to see the values before.",
        1,
    ),
    ErrorKind.DUPLICATE: KindFacts(
        "More than one record could be the same person.",
        "Held side by side; never guessed.",
        "Say who it is: it waits in the queue (Q, `perkstar queue`).",
        1,
    ),
    ErrorKind.MASS_CHANGE: KindFacts(
        "This run would change unusually many records.",
        "The run stops before the change.",
        "Look at the preview; if it is meant, sync with --accept-mass-change.",
        8,
    ),
    ErrorKind.ACCOUNT_CHANGED: KindFacts(
        "The credential belongs to another account at the vendor than before.",
        "The run stops; nothing is read or written.",
        "Reconnect with the earlier account, or disconnect and connect the new one.",
        8,
    ),
    ErrorKind.LOOP: KindFacts(
        "A field goes back and forth between two values: what is sent is taken back there each time.",
        "That record is held, nothing more of it is sent; where many do at once, the integration is paused.",
        "Find out what else writes that field, or map it one way only; then retry (r), or resume (p).",
        8,
    ),
    ErrorKind.SCHEMA_CHANGED: KindFacts(
        "A mapped field no longer exists at the vendor.",
        "That field is left out; the rest goes on.",
        "Map the field anew, or create it again at the vendor.",
        1,
    ),
    ErrorKind.PLAN_LIMIT: KindFacts(
        "The plan allows no further integration.",
        "Nothing is created or activated.",
        "Disconnect an integration that is not used, or move to a larger plan.",
        4,
    ),
    ErrorKind.PREVIEW_OWED: KindFacts(
        "The first run of an integration waits for a look at what it would do.",
        "The schedule does not start it.",
        "Run `perkstar preview`, or `perkstar sync` to start it without one.",
        8,
    ),
    ErrorKind.LOCKED: KindFacts(
        "Another run of this integration is going on.",
        "Nothing is started.",
        "Wait for that run to end, or watch it on the screen.",
        7,
    ),
    ErrorKind.STORE_UNAVAILABLE: KindFacts(
        "The store cannot be read or written: its disk is full, another program holds it, or its server is away.",
        "Nothing is half done: the run ends at its last page, and the next one goes on from there.",
        "Mend what is named, then sync again; `perkstar doctor` looks at the store.",
        7,
    ),
    ErrorKind.STORE_DAMAGED: KindFacts(
        "The store's file is damaged: it cannot be read as a database, or not wholly.",
        "Nothing is written to it.",
        "End all of perkstar, put a copy of perkstar.db from before back in its place (`perkstar where`) and take "
        "perkstar.db-wal and perkstar.db-shm beside it away; without a copy begin with another home.",
        70,
    ),
    ErrorKind.NOT_FOUND: KindFacts(
        "Nothing has this id or name.", "Nothing is done.", "List what there is.", 2
    ),
    ErrorKind.AMBIGUOUS: KindFacts(
        "More than one thing has this name or prefix.", "Nothing is done.", "Give the whole id.", 2
    ),
    ErrorKind.USAGE: KindFacts(
        "The request cannot be understood.", "Nothing is done.", "See `perkstar --help`.", 2
    ),
    ErrorKind.NOT_ALLOWED: KindFacts(
        "The store was opened read-only, or the role does not include this act.",
        "Nothing is done.",
        "Run without --read-only, or ask an administrator.",
        3,
    ),
    ErrorKind.INTERNAL: KindFacts(
        "A fault in this program.",
        "The run ends, with a report; the next run tries again.",
        "Send the support bundle.",
        70,
    ),
}


class PerkstarError(Exception):
    """Something that a person should know: what, about which thing, and the way out.

    `vendor_words` are the vendor's own message, already free of secrets; `field` names the field at fault.
    """

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        remedy: str | None = None,
        integration_id: str | None = None,
        field: str | None = None,
        vendor_code: str | None = None,
        vendor_words: str | None = None,
        vendor_request_id: str | None = None,
        retry_after_s: float | None = None,
        request: str | None = None,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.remedy = remedy or CATALOGUE[kind].remedy
        self.integration_id = integration_id
        self.field = field
        self.vendor_code = vendor_code
        self.vendor_words = vendor_words
        self.vendor_request_id = vendor_request_id
        self.retry_after_s = retry_after_s
        self.request = request

    @property
    def exit_code(self) -> int:
        return CATALOGUE[self.kind].exit_code
