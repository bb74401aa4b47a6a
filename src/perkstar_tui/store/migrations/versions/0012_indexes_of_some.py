"""Indexes of a customer's phone and last visit hold those alone that have one"""

from alembic import op
from sqlalchemy import text

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    for column in ("phone_key", "last_visit"):
        there = text(f"{column} IS NOT NULL")
        op.drop_index(f"ix_customer_{column}", "customer")
        op.create_index(
            f"ix_customer_{column}", "customer", [column], sqlite_where=there, postgresql_where=there
        )
