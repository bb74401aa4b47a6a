"""Records that deliveries carried, where nothing can be read"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "told_record",
        sa.Column("integration_id", sa.String(), nullable=False),
        sa.Column("data", sa.String(), nullable=False),
        sa.Column("remote_id", sa.String(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("integration_id", "data", "remote_id"),
    )
    op.create_index("ix_told_record_order", "told_record", ["integration_id", "data", "revision"])
