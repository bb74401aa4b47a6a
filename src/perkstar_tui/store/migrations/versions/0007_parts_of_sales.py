"""What earning rules ask of a sale, so that another rule can be tried on it"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("transactions", sa.Column("parts", sa.JSON(), nullable=True))
