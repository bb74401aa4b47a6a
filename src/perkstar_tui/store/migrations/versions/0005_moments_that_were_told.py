"""Moments of customers' loyalty that platforms were told, and what they are found by"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "told_moment",
        sa.Column("integration_id", sa.String(), nullable=False),
        sa.Column("moment", sa.String(), nullable=False),
        sa.Column("occasion", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("integration_id", "moment"),
    )
    op.add_column("card", sa.Column("tier", sa.String(), nullable=True))
    op.add_column("card", sa.Column("expires_at", sa.BigInteger(), nullable=True))
    op.create_index("ix_card_expires_at", "card", ["expires_at"])
    op.create_index("ix_customer_last_visit", "customer", ["last_visit"])
    op.create_index("ix_transactions_happened_at", "transactions", ["happened_at"])
