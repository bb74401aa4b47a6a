"""Tables, transactions, queries and migrations. No rule about what is allowed lives here."""
