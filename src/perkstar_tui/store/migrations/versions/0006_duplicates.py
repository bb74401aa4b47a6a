"""Duplicates: pairs that may be one person, the keys they are found by, and merges that can be undone"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "duplicate_key",
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.Column("hub_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key", "hub_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "duplicate_pair",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("integration_id", sa.String(), nullable=False),
        sa.Column("a", sa.String(), nullable=False),
        sa.Column("b", sa.String(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("why", sa.JSON(), nullable=False),
        sa.Column("shown", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("found_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("integration_id", "a", "b"),
    )
    op.create_index("ix_duplicate_pair_score", "duplicate_pair", ["state", "score"])
    op.create_index("ix_duplicate_pair_b", "duplicate_pair", ["b"])
    op.create_index("ix_duplicate_pair_a", "duplicate_pair", ["a"])
    op.create_table(
        "merge_record",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("survivor", sa.String(), nullable=False),
        sa.Column("loser", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("undone_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_merge_record_survivor", "merge_record", ["survivor"])
    op.create_index("ix_merge_record_loser", "merge_record", ["loser"])
    op.add_column("customer", sa.Column("merged_into", sa.String(), nullable=True))
