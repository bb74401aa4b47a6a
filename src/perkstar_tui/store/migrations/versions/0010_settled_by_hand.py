"""What a person chose for held records and settled conflicts, with the values before"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column("conflict", sa.Column("seen_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "settlement",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("batch", sa.String(), nullable=False),
        sa.Column("integration_id", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("choice", sa.String(), nullable=False),
        sa.Column("hub_id", sa.String(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("undone_at", sa.BigInteger(), nullable=True),
    )
    for column in ("batch", "integration_id", "item", "hub_id"):
        op.create_index(f"ix_settlement_{column}", "settlement", [column])
