"""Alembic's entry: runs on the connection that `upgrade` hands over."""

from alembic import context
from sqlmodel import SQLModel

from perkstar_tui.store import tables  # noqa: F401  (fills the metadata)

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
)
context.run_migrations()
