"""What holds for all tests: in CI a skipped test is a failed one, unless it only lacks the vendors' descriptions."""

import os
import platform

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")

EXCUSED = "../shared"


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
