"""The settings of an integration as a person gives them: checked, completed, and said back in their one spelling."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from perkstar_tui.model.enums import DataType, Direction, Kind, SourceOfTruth
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import MOMENTS
from perkstar_tui.platforms.manifest import Manifest
from perkstar_tui.sync import comparing
from perkstar_tui.sync.earning import SETTINGS as EARN_SETTINGS
from perkstar_tui.sync.earning import no_day, rules_of
from perkstar_tui.sync.expressions import say
from perkstar_tui.sync.filters import FIELDS, TO_PERKSTAR, TO_PLATFORM, check_mapped, read
from perkstar_tui.sync.journals import ROLES
from perkstar_tui.sync.matching import RULES
from perkstar_tui.sync.moments import LONGEST, OPTIONS, chosen
from perkstar_tui.sync.schedule import parse_frequency

ENGINE_OPTIONS = (
    "issue_cards",
    *EARN_SETTINGS,
    "pending_window_days",
    "drop_plus_tags",
    *RULES,
    "earn_rules",
    *FIELDS,
    "events",
    *OPTIONS,
    comparing.OPTION,
)
_CHOICES = {
    "issue_cards": ("never", "sale", "always"),
    "earn": ("spend", "visit", "product", "cashback"),
    "earn_rounding": ("down", "nearest", "even"),
    **{name: ("yes", "no") for name in EARN_SETTINGS if name.startswith("earn_on_")},
    **RULES,
    comparing.OPTION: comparing.CHOICES,
}


def wrong(field: str, message: str, remedy: str) -> PerkstarError:
    return PerkstarError(ErrorKind.USAGE, message, remedy=remedy, field=field)


def default_mapping(manifest: Manifest) -> dict[str, list[dict[str, Any]]]:
    """The manifest's own mapping of each data type, as the integration keeps and edits it."""
    mapping: dict[str, list[dict[str, Any]]] = {}
    for data, spec in manifest.data.items():
        mapping[data.value] = [
            {
                "hub": field.hub,
                "remote": field.remote,
                "label": field.label,
                "transform": field.transform,
                "direction": field.direction.value,
                "write": field.write.value,
                "required": field.required,
                "create": field.create,
            }
            for field in spec.fields
            if field.default
        ]
    return mapping


def default_config(manifest: Manifest) -> dict[str, Any]:
    customers = manifest.data.get(DataType.CUSTOMERS)
    # Who only takes rows is told of sales; everybody else begins with the customers.
    first = DataType.CUSTOMERS if customers is not None or not manifest.data else DataType.TRANSACTIONS
    return {
        "data": [first.value],
        "direction": _widest(manifest, [first]).value,
        "frequency": "realtime" if manifest.kind is Kind.WEBHOOK else "hourly",
        "match": [key for key in (customers.match_keys if customers else []) if key in ("email", "phone")]
        or ["email", "phone"],
        "source_of_truth": SourceOfTruth.PERKSTAR.value,
        "options": {},
        "mapping": default_mapping(manifest),
    }


def _widest(manifest: Manifest, data: list[DataType]) -> Direction:
    inward = any(manifest.data[d].to_perkstar for d in data if d in manifest.data)
    outward = any(manifest.data[d].to_platform for d in data if d in manifest.data)
    if inward and outward:
        return Direction.BOTH
    return Direction.TO_PLATFORM if outward else Direction.TO_PERKSTAR


def apply_settings(manifest: Manifest, config: dict[str, Any], given: dict[str, str]) -> dict[str, Any]:
    """A copy of `config` with the given settings put in. Raises USAGE that names the setting and what it may be."""
    new = {**config, "options": dict(config.get("options", {}))}
    for name, text in _both_ways(new, given).items():
        setter = _SETTERS.get(name)
        if setter is not None:
            setter(manifest, new, str(text))
        else:
            _set_option(manifest, new, name, str(text))
    check_mapped(new["options"], new["mapping"].get("customers", []), manifest.title)
    _check_direction(manifest, new)
    _check_books(manifest, new["options"], given)
    return new


def _both_ways(config: dict[str, Any], given: dict[str, str]) -> dict[str, str]:
    """`filter` stands for the filters of both directions that the integration has."""
    if "filter" not in given:
        return given
    text = given["filter"]
    direction = Direction(given.get("direction", config["direction"]).strip().lower())
    names = ((TO_PLATFORM, direction.outward), (TO_PERKSTAR, direction.inward))
    return {k: x for k, x in given.items() if k != "filter"} | {name: text for name, on in names if on}


def _expression(manifest: Manifest, name: str, text: str) -> str:
    """A filter or the earning rules in their one spelling; nothing where they are taken away."""
    if not text.strip():
        return ""
    data = DataType.CUSTOMERS if name in (TO_PLATFORM, TO_PERKSTAR) else DataType.TRANSACTIONS
    spec = manifest.data.get(data)
    sold = manifest.data.get(DataType.TRANSACTIONS)
    told = sold is not None and sold.rows is not None and sold.rows.deliver
    goes = spec is not None and (spec.to_platform and not told if name == TO_PLATFORM else spec.to_perkstar)
    if not goes:
        way = "takes no single" if name == TO_PLATFORM else "gives no"
        raise wrong(name, f"{manifest.title} {way} {data.value}.", "Leave this setting out.")
    try:
        if name == "earn_rules":
            return "; ".join(rule.text for rule in rules_of(text))
        return say(read(name, text))
    except PerkstarError as error:
        raise wrong(name, f"{name}: {error.message}", error.remedy) from None


def _set_data(manifest: Manifest, config: dict[str, Any], text: str) -> None:
    offered = [data.value for data in manifest.data]
    chosen = [part.strip().lower() for part in text.split(",") if part.strip()]
    unknown = [part for part in chosen if part not in offered]
    if unknown or not chosen:
        raise wrong(
            "data",
            f"{manifest.title} does not sync {', '.join(unknown) or 'nothing'}.",
            f"Choose from: {', '.join(offered)}.",
        )
    config["data"] = [name for name in offered if name in chosen]


def _set_direction(manifest: Manifest, config: dict[str, Any], text: str) -> None:
    try:
        config["direction"] = Direction(text.strip().lower()).value
    except ValueError:
        raise wrong(
            "direction", f"{text!r} is no direction.", "Use to-platform, to-perkstar or both."
        ) from None


def _check_direction(manifest: Manifest, config: dict[str, Any]) -> None:
    direction = Direction(config["direction"])
    specs = [manifest.data[DataType(name)] for name in config["data"]]
    if direction is Direction.TO_PLATFORM and not any(spec.to_platform for spec in specs):
        raise wrong("direction", f"{manifest.title} takes none of these data.", "Use to-perkstar.")
    if direction is Direction.TO_PERKSTAR and config.get("options", {}).get("books") == "yes":
        raise wrong(
            "books", "Journals go to the platform, and nothing does so.", "Use direction both, or books=no."
        )
    if direction is Direction.TO_PERKSTAR and not any(spec.to_perkstar for spec in specs):
        raise wrong("direction", f"{manifest.title} gives none of these data.", "Use to-platform.")


def _check_books(manifest: Manifest, options: dict[str, Any], given: dict[str, str]) -> None:
    """Books need their accounts. Where they lack some already, these may be given one after the other."""
    offered = [option.name for option in manifest.options if option.name in ROLES]
    missing = [name for name in offered if not str(options.get(name) or "").strip()]
    if options.get("books") == "yes" and missing and not given.keys().isdisjoint(("books", *missing)):
        uses = ", ".join(f"{ROLES[name]} ({name})" for name in missing)
        raise wrong(
            missing[0],
            f"Books need an account for each of these: {uses}.",
            f"Give them first, or with it: {' '.join(f'--set {name}=NAME' for name in missing)}; or use books=no.",
        )


def _set_frequency(manifest: Manifest, config: dict[str, Any], text: str) -> None:
    frequency = parse_frequency(text)
    if frequency == "realtime" and not manifest.realtime:
        raise wrong(
            "frequency",
            f"{manifest.title} cannot tell this program of single changes.",
            "Use hourly, daily@HH:MM or manual.",
        )
    config["frequency"] = frequency


def _set_match(manifest: Manifest, config: dict[str, Any], text: str) -> None:
    spec = manifest.data.get(DataType.CUSTOMERS)
    offered = list(spec.match_keys) if spec else []
    chosen = [part.strip().lower() for part in text.split(",") if part.strip()]
    if not chosen or any(part not in offered for part in chosen):
        raise wrong("match", f"{text!r} is no match key here.", f"Choose from: {', '.join(offered)}.")
    config["match"] = list(dict.fromkeys(chosen))


def _set_truth(manifest: Manifest, config: dict[str, Any], text: str) -> None:
    try:
        config["source_of_truth"] = SourceOfTruth(text.strip().lower()).value
    except ValueError:
        raise wrong(
            "source_of_truth", f"{text!r} is no source of truth.", "Use perkstar, platform or newest."
        ) from None


def _set_credit_from(manifest: Manifest, config: dict[str, Any], text: str) -> None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise wrong(
            "credit_from", f"{text!r} is no date.", "Write 2026-11-24 or 2026-11-24T09:00:00Z."
        ) from None
    config["credit_from"] = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()


def _set_template(manifest: Manifest, config: dict[str, Any], text: str) -> None:
    config["template"] = text.strip()


def _set_option(manifest: Manifest, config: dict[str, Any], name: str, text: str) -> None:
    own = {option.name: option for option in manifest.options}
    if name not in own and name not in ENGINE_OPTIONS:
        names = sorted([*_SETTERS, *own, *ENGINE_OPTIONS])
        raise wrong(name, f"There is no setting {name!r}.", f"Settings: {', '.join(names)}.")
    choices = own[name].choices if name in own else _CHOICES.get(name, ())
    if choices and text not in choices:
        raise wrong(name, f"{text!r} is no choice for {name}.", f"Use {', '.join(choices)}.")
    if name == "earn_rate" or (name in own and own[name].number and text):
        try:
            if not Decimal(text).is_finite() or Decimal(text) < 0:
                raise InvalidOperation
        except InvalidOperation:
            what = "rate" if name == "earn_rate" else f"number for {name}"
            raise wrong(name, f"{text!r} is no {what}.", "Write a number such as 1 or 0.5.") from None
    if name in ("earn_minimum_minor", "pending_window_days") and not text.isdigit():
        raise wrong(name, f"{text!r} is no whole number.", "Write a number such as 0 or 500.")
    if name == "earn_double_days" and (unknown := no_day(text)):
        raise wrong(
            name, f"{unknown!r} is no day.", "Write weekdays such as tue, or dates such as 2026-12-24."
        )
    if name in own and own[name].secret:
        # It goes to the vault (receiver.keep_key).
        return
    if name == "events" or name in OPTIONS:
        _check_events(manifest, name, text)
    if name == "earn_rules" or name in FIELDS:
        text = _expression(manifest, name, text)
    config["options"][name] = text


def _check_events(manifest: Manifest, name: str, text: str) -> None:
    """Whether and when customers' moments are told."""
    spec = manifest.data.get(DataType.CUSTOMERS)
    if spec is None or spec.events is None:
        raise wrong(name, f"{manifest.title} is not told of loyalty events.", "Leave this setting out.")
    if name in OPTIONS:
        least, most = int(name != "birthday_days_before"), LONGEST[name]
        if not text.isdigit() or not least <= int(text) <= most:
            raise wrong(
                name, f"{text!r} is no number of days here.", f"Write a number from {least} to {most}."
            )
        return
    try:
        chosen(text)
    except ValueError as unknown:
        raise wrong(
            name,
            f"There is no loyalty event {str(unknown)!r}.",
            f"Use no, yes, or some of: {', '.join(MOMENTS)} (with commas between them).",
        ) from None


_SETTERS = {
    "data": _set_data,
    "direction": _set_direction,
    "frequency": _set_frequency,
    "match": _set_match,
    "source_of_truth": _set_truth,
    "credit_from": _set_credit_from,
    "template": _set_template,
}
