"""Runs Alembic from inside the program, over the store's own engine."""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from perkstar_tui.model.errors import ErrorKind, PerkstarError

if TYPE_CHECKING:
    from perkstar_tui.store.database import Store

HEAD = "0012"
"""The newest of `versions`; each start looks at it before Alembic is loaded at all."""


def upgrade(store: "Store") -> None:
    with store.engine.connect() as connection:
        if inspect(connection).has_table("alembic_version"):
            current = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            if current == HEAD:
                return
            if current is not None and str(current) > HEAD:
                raise PerkstarError(
                    ErrorKind.USAGE,
                    f"This store was made by a newer version of the program (tables {current}, known here: {HEAD}).",
                    remedy="Start the newer version again, or give another home.",
                )
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    with store.engine.connect().execution_options(writes=True) as connection, connection.begin():
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
