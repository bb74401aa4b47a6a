"""`perkstar health`: why an integration is as well as it is, with the facts behind its score."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from .output import emit, listed, opened, say, table


def register(app: typer.Typer) -> None:
    """Put the command on the program."""

    @app.command()
    def health(
        context: typer.Context,
        name: Annotated[
            str | None, typer.Argument(metavar="[NAME_OR_ID]", help="One in full; without it, all of them.")
        ] = None,
    ) -> None:
        """Health and what it is made of. Exit 1 when one is unhealthy."""
        with opened(context.obj) as hub:
            found = [hub.health(name)] if name else [hub.health(view.id) for view in hub.integrations()]
        if name:
            emit(context.obj, found[0], lambda: say("\n".join(lines_of(found[0]))))
        else:
            rows = [
                [one.name, one.integration_id, str(one.health.score), one.health.word, one.health.reason,
                 one.health.remedy]
                for one in sorted(found, key=lambda one: (one.health.score, one.integration_id))
            ]  # fmt: skip
            columns = ["Name", "Integration ID", "Score", "Health", "Why", "What to do"]
            emit(context.obj, listed(found), lambda: table(columns, rows))
        raise typer.Exit(1 if any(one.health.word == "Unhealthy" for one in found) else 0)


def lines_of(one: Any) -> list[str]:
    """The facts of one integration as `Header: value` lines."""
    state = one.health
    lines = [f"Health of {one.name}: {state.score} of 100, {state.word}"]
    if state.reason:
        lines.append(f"Why: {state.reason} {state.remedy}")
    lines += [f"  {name}: {points} of {most}" for name, points, most in state.parts]
    expected = _long(one.expected_s) if one.expected_s else "by hand"
    last = f"{_long(one.age_s)} ago" if one.age_s is not None else "never"
    lines.append(
        f"Last good sync: {last} (expected every {expected})" if one.expected_s else f"Last good sync: {last}"
    )
    if one.running_since is not None:
        of = f", {one.done:,} of {one.total:,}" if one.done is not None and one.total else ""
        ends = f", done about {one.ends_about:%Y-%m-%d %H:%M}" if one.ends_about else ""
        still = ", STANDS STILL" if one.stands_still else ""
        lines.append(f"Running: since {one.running_since:%Y-%m-%d %H:%M}{of}{ends}{still}")
    if one.success_rate is not None:
        lines.append(f"Runs: {one.good_runs} of the last {one.runs} good, {one.success_rate:.0%}")
    for error in one.errors:
        lines.append(f"Error {error.code}: {error.runs} runs, {error.records} records. {error.meaning}")
    if one.per_call_ms is not None:
        lines.append(
            f"Latency: {one.per_call_ms:,} ms a call, {one.run_s:,} s a run, {one.calls_per_run:,} calls a run"
        )
    if one.records_per_s is not None:
        lines.append(f"Throughput: {one.records_per_s:,} records a second")
    lines.append(f"Rate headroom: {one.headroom:.0%} of the time without waiting for a limit")
    if one.credential_expires is not None:
        left = max(0, int((one.credential_expires - datetime.now(UTC)).total_seconds()))
        lines.append(f"Credential: ends in {_long(left)}")
    else:
        lines.append("Credential: renews itself" if one.credential_renews else "Credential: does not expire")
    return lines


def _long(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{seconds // 60} min"
    return f"{seconds // 3600} h" if seconds < 172_800 else f"{seconds // 86400} days"
