"""Perkstar's Settings > Integrations in the terminal, and the two-way sync engine behind it."""
