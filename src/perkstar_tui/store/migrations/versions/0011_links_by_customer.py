"""A customer's link at one integration is found at once, and not among all links of that integration"""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.drop_index("ix_record_link_hub", "record_link")
    op.create_index("ix_record_link_hub", "record_link", ["hub_id", "integration_id", "data"])
