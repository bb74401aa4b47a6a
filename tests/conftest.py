"""What holds for all tests: in CI a skipped test is a failed one, unless it only lacks the vendors' descriptions."""

import gc
import os
import platform
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# Many more examples than a suite has time for: pytest --hypothesis-profile deep tests/properties
settings.register_profile(
    "deep", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=3_000
)
# Whether a fault is found at all, without the search for its shortest example.
settings.register_profile(
    "found", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=300,
    phases=[Phase.explicit, Phase.generate],
)  # fmt: skip
settings.load_profile("steady")

EXCUSED = "../shared"


@pytest.fixture(autouse=True)
def nothing_frozen() -> Iterator[None]:
    """The program freezes what it has loaded when it opens, once. In one process of tests each opening would keep the
    garbage of all tests before it for ever: gigabytes.
    """
    yield
    gc.unfreeze()


def pytest_report_header() -> str:
    return f"python {platform.python_version()}"


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not os.environ.get("PERKSTAR_CI") or reporter is None:
        return
    unexcused = [
        report for report in reporter.stats.get("skipped", []) if EXCUSED not in str(report.longrepr)
    ]
    if unexcused:
        for report in unexcused:
            reporter.write_line(f"SKIPPED, and CI allows none: {report.nodeid}: {report.longrepr}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


# The tables stand here and not beside their tests: with several processes, the main one reads no other conftest.


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What each platform took, what was held against its vendor's description, and of how many lines it is."""
    for table in (_platforms, _judged, _sizes):
        for line in table(terminalreporter):
            terminalreporter.write_line(line)


def _noted(reporter: Any, name: str, when: str) -> list[Any]:
    """What tests have noted under a name."""
    return [
        value
        for reports in reporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == when
        for noted, value in report.user_properties
        if noted == name
    ]


def _platforms(reporter: Any) -> Iterator[str]:
    rows = sorted(_noted(reporter, "platform", "call"))
    if rows:
        yield (
            f"{'platform':<18}{'records':>8}{'requests':>10}{'ideal':>8}{'ratio':>7}{'duplicates':>12}{'errors':>8}"
            f"{'seconds':>9}"
        )
        yield from rows


def _judged(reporter: Any) -> Iterator[str]:
    """Who has no description is there too, with nothing held against it."""
    counted: dict[str, tuple[int, int]] = {}
    for name, sent, answered in _noted(reporter, "judged", "teardown"):
        before = counted.get(name, (0, 0))
        counted[name] = before[0] + sent, before[1] + answered
    if counted:
        yield f"{'held against its description':<30}{'requests':>10}{'answers':>10}"
        yield from (
            f"{name:<30}{sent:>10}{answers:>10}" for name, (sent, answers) in sorted(counted.items()) if sent
        )
        left = sorted(name for name, (sent, _) in counted.items() if not sent)
        yield f"without a description: {', '.join(left) or 'none'}"


def _sizes(reporter: Any) -> Iterator[str]:
    rows = sorted(_noted(reporter, "size", "call"))
    if rows:
        yield f"{'lines of':<30}{'manifest':>10}{'Python':>10}"
        yield from rows
