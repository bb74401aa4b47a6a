"""Writes the pages of `docs/` that are drawn from the program: `python .ci/docs.py`, or `--check` in a test."""

import json
import sys
from pathlib import Path

from perkstar_tui.platforms.authored import schema
from perkstar_tui.platforms.catalog import PLANNED, load_catalog
from perkstar_tui.platforms.guide import guide_of
from perkstar_tui.sync import bought, earning, vocabulary
from perkstar_tui.sync import expressions as language
from perkstar_tui.sync.mapping import TRANSFORMS

DOCS = Path(__file__).resolve().parent.parent / "docs"


def platforms() -> str:
    """Every guide in the catalog's order, and the platforms that are to come."""
    catalog = load_catalog()
    working = [catalog[one.name] for one in PLANNED if one.name in catalog]
    coming = [one for one in PLANNED if one.name not in catalog]
    parts = [
        "# Platforms",
        "Drawn from the manifests by `.ci/docs.py`; `perkstar catalog show NAME` gives the same.",
        *(guide_of(manifest).replace("\n## ", "\n### ").replace("# ", "## ", 1) for manifest in working),
    ]
    if coming:
        names = "\n".join(f"- {one.title} ({one.category})" for one in coming)
        parts.append(f"## Planned\n\n{names}")
    return "\n\n".join(parts) + "\n"


EXPRESSIONS = """# Filters and earning rules

Drawn from the program by `.ci/docs.py`.

A filter is a condition on a customer, a record at a platform, or a sale. It is checked when it is given: what is wrong
is named with its place, and what may stand there. It can only compare, so it runs no code and always ends.

```
perkstar edit NAME --dry-run --set 'filter_to_platform=country = "GB" and tier in ("gold", "silver")'
perkstar edit NAME --set 'filter_to_perkstar=marketing_consent = yes and email is not empty'
perkstar edit NAME --set 'filter_sales=platform = "square" and not (total < 5)'
perkstar edit NAME --set 'earn_rules=when weekday = "tue" then x2; when category = "gift card" then none'
```

`--dry-run` keeps nothing and shows what would change: who would enter and leave, by name, and what the sales of last
month would have given. `--set filter=...` sets the filters of all directions that the integration has; an empty value
takes a filter away.

- `filter_to_platform`: which customers are sent. Who does not pass is listed under left out, with the filter's words.
  A record that was linked stays linked: nothing more is sent to it, and it is never deleted.
- `filter_to_perkstar`: which records are taken in, judged by what the platform says of them. It may only ask for fields
  that are mapped inwards. A record that does not pass and is a known customer is linked, so that it is not made there
  again, and nothing of it is taken in.
- `filter_sales`: which sales can earn. The others are in the ledger, with the filter as the reason.
- A filter that is changed, taken away or rolled back is noticed by the next run, which looks at everybody again. It
  sends only what really differs. One that names `today` or `days ago` is judged anew each day.

## How conditions are written

`and`, `or`, `not` and parentheses; `and` binds closer than `or`. Case makes no difference, in words nor in texts.
An expression has at most {longest:,} characters and {deepest} levels.

{operators}

{values}

**Empty is not zero and not "no".** What is empty or unknown satisfies no comparison, `!=` neither:
`country != "GB"` leaves out customers without a country, and `not (country = "GB")` lets them in. `is empty` asks for
it. Where a field has several values (the products of a sale), a comparison holds if it holds for one of them; `!=` and
`not in` hold if they hold for each.

## Earning rules

`when CONDITION then EFFECT`, with `;` between rules. They are worked on the award one after the other, in their order,
each on what the one before left; the result is rounded once. Sales below the minimum, and parts that earn nothing
by the settings below, are left out before. What a rule made of an award is kept with it: `perkstar transactions show`
and `perkstar record` say so. A refund takes back its share of the award as it was booked, whatever the rules say by
then. A sale is judged once, so `today` and `days ago` are not for sales.

{effects}

The settings that rules build on (`perkstar edit NAME --set earn_rate=2`, or the screen's Settings):

{settings}

## Fields

{fields}

## Transforms of a mapping

`perkstar mapping NAME set FIELD --set transform=...`; with `--dry-run` it is shown on real records and not kept. A
changed transform lets go of what both sides had agreed on in that field, and the schedule waits for a preview or sync.

{transforms}
"""


def expressions() -> str:
    """The language of filters and earning rules, from its own tables."""

    def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
        return "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows))

    def fields_of(title: str, fields: language.Fields) -> str:
        rows = [
            (f"`{n}`", f.kind, f.words + (f": {', '.join(f.choices)}" if f.choices else ""))
            for n, f in fields.items()
        ]
        return f"### {title}\n\n{table(('Field', 'Kind', 'Meaning'), rows)}"

    return EXPRESSIONS.format(
        longest=language.LONGEST,
        deepest=language.DEEPEST,
        operators=table(
            ("Comparison", "For", "Holds if the field"),
            [(f"`{name}`", ", ".join(kinds), words) for name, (kinds, words) in language.OPERATORS.items()],
        ),
        values=table(
            ("Kind", "Written", ""),
            [(name, f"`{how}`", words) for name, (how, words) in language.VALUES.items()],
        ),
        transforms=table(("Transform", ""), [(f"`{name}`", words) for name, words in TRANSFORMS.items()]),
        effects=table(("Effect", ""), [(f"`{how}`", words) for how, words in language.EFFECTS.values()]),
        settings=table(("Setting", ""), [(f"`{name}`", words) for name, words in earning.SETTINGS.items()]),
        fields="\n\n".join(
            (
                fields_of("Of a customer (`filter_to_platform`)", vocabulary.CUSTOMER),
                "`filter_to_perkstar` asks records for the same, but for what only the card knows: "
                + ", ".join(f"`{name}`" for name in vocabulary.CUSTOMER if name not in vocabulary.TAKEN)
                + ".",
                fields_of("Of a sale (`filter_sales`, `earn_rules`)", bought.SALE),
                fields_of("Of its buyer (`earn_rules` only)", bought.BUYER),
            )
        ),
    )


def pages() -> dict[str, str]:
    """The pages by name."""
    return {
        "platforms.md": platforms(),
        "expressions.md": expressions(),
        "manifest.schema.json": json.dumps(schema(), indent=1, ensure_ascii=False) + "\n",
    }


def stale() -> list[str]:
    """Names of pages that are not what the program would write."""
    return [
        name
        for name, text in pages().items()
        if not (DOCS / name).exists() or (DOCS / name).read_text() != text
    ]


def main() -> int:
    if "--check" in sys.argv[1:]:
        for name in stale():
            print(f"docs/{name} is not current: python .ci/docs.py")
        return bool(stale())
    DOCS.mkdir(exist_ok=True)
    for name, text in pages().items():
        (DOCS / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
