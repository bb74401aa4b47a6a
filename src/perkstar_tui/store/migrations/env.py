"""Alembic's entry: runs on the connection that `upgrade` hands over."""

from alembic import context

from perkstar_tui.store.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
)
context.run_migrations()
