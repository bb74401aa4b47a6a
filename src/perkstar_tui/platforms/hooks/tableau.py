"""Tableau: a table is a data source of its own, published as a Parquet file that takes the place of the one before."""

import secrets
from collections.abc import Iterable
from typing import Any
from xml.sax.saxutils import quoteattr

from perkstar_tui.http.errors import dig
from perkstar_tui.model.errors import ErrorKind, PerkstarError
from perkstar_tui.model.remote import Fact
from perkstar_tui.platforms.catalog import load_catalog
from perkstar_tui.platforms.connector import CredentialStore
from perkstar_tui.platforms.described import Described
from perkstar_tui.platforms.filling import fill
from perkstar_tui.platforms.parquet import parquet

AT_ONCE = 32 * 1024 * 1024
"""Bytes of a file that go in one request; Tableau takes 64 MB, and more in pieces of at most that."""


def open_connector(credentials: CredentialStore, **more: Any) -> "Tableau":
    return Tableau(load_catalog(drafts=True)["tableau"], credentials, **more)


class Tableau(Described):
    """Data sources of one site, in one project."""

    _project: str | None = None

    async def publish(self, table: str, facts: Iterable[Fact]) -> None:
        """Put a table in the place of the one before. Permissions stay, and so do workbooks that use its fields."""
        told = {kind: spec for kind, spec in self.rows_spec.facts.items() if spec.table == table}
        columns = next(iter(told.values())).columns
        rows = (fill(template.row, fact.values) for fact in facts for template in told[fact.kind].rows)
        file = parquet(columns, rows)
        project = await self._place_for()
        asked = (
            f"<tsRequest><datasource name={quoteattr(f'Perkstar {table}')}>"
            f"<project id={quoteattr(project)}/></datasource></tsRequest>"
        )
        parts = [("request_payload", "", "text/xml", asked.encode())]
        params = {"overwrite": "true", "datasourceType": "parquet"}
        if len(file) <= AT_ONCE:
            parts.append(("tableau_datasource", f"{table.lower()}.parquet", "application/octet-stream", file))
        else:
            params["uploadSessionId"] = await self._upload(file)
        await self._send("POST", "/datasources", parts, params)

    async def _upload(self, file: bytes) -> str:
        """A file in pieces; answers the id of the session that holds it."""
        begun = await self.call("POST", await self._place_of("/fileUploads"), repeatable=True)
        session = str(dig(begun.data, "fileUpload.uploadSessionId"))
        for start in range(0, len(file), AT_ONCE):
            piece = file[start : start + AT_ONCE]
            parts = [
                ("request_payload", "", "text/xml", b""),
                ("tableau_file", "piece", "application/octet-stream", piece),
            ]
            # A piece that is sent twice would stand there twice, so an answer that is lost ends the upload.
            await self._send("PUT", f"/fileUploads/{session}", parts, {}, repeatable=False)
        return session

    async def _place_for(self) -> str:
        """The id of the project that data sources go to: as it was set, else Tableau's own `default`."""
        if self._project is None:
            wanted = self.option("project")
            data = (
                await self.call(
                    "GET",
                    await self._place_of("/projects"),
                    params={"filter": f"name:eq:{wanted}"},
                    expect="projects",
                )
            ).data
            rows = dig(data, "projects.project") or []
            if not rows:
                raise PerkstarError(
                    ErrorKind.NOT_FOUND,
                    f"There is no project {wanted!r} on this Tableau site, or the token may not see it.",
                    remedy="Say which one with --set project=NAME, or make it in Tableau.",
                    field="project",
                )
            self._project = str(rows[0]["id"])
        return self._project

    async def _place_of(self, rest: str) -> str:
        known = await self.known()
        return f"/api/{self.option('api_version')}/sites/{known['site_id']}{rest}"

    async def _send(
        self,
        method: str,
        rest: str,
        parts: list[tuple[str, str, str, bytes]],
        params: dict[str, str],
        *,
        repeatable: bool = True,
    ) -> None:
        """A request of several parts (RFC 2046, multipart/mixed), each with name, file name, type and content."""
        boundary = secrets.token_hex(16)
        body = bytearray()
        for name, file_name, kind, content in parts:
            named = f'name="{name}"' + (f'; filename="{file_name}"' if file_name else "")
            body += f"--{boundary}\r\nContent-Disposition: {named}\r\nContent-Type: {kind}\r\n\r\n".encode()
            body += content + b"\r\n"
        body += f"--{boundary}--\r\n".encode()
        await self.call(
            method,
            await self._place_of(rest),
            params=params or None,
            body=(bytes(body), f"multipart/mixed; boundary={boundary}"),
            repeatable=repeatable,
            shape="any",
        )
