"""The business whose account every vendor holds, so that all of them tell the same of it."""

NAME = "Kestrel & Rye"
EMAIL = "hello@kestrelrye.co.uk"
PHONE = "442079460018"
OWNER_FIRST, OWNER_LAST = "Morgan", "Hale"
STREET, TOWN, POSTCODE, COUNTRY = "12 Mill Lane", "Bristol", "BS1 5TR", "GB"
TIMEZONE = "Europe/London"
CURRENCY = "GBP"
AGE_MS = 900 * 86_400_000
"""How long before the start of a sandbox the accounts were opened, in milliseconds."""
