"""The one place that builds an HTTP client: retries, pacing, limits, redaction, and answers turned into errors."""
