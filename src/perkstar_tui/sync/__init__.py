"""The sync engine: read, match, compare, apply between the store and one platform."""
