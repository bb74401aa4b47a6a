"""Every vendor on loopback, each in a package of its own.

A vendor's package has `vendor.py` (the class: credentials, who is let in, the form of errors, what people do at the
vendor) and a module for each resource (its paths and what they do). What two vendors have in common lies here:

- `vendor.py`, `resource.py`, `wire.py`, `port.py`: the way of a request to a handler and of the answer back
- `state.py`, `conditions.py`, `cursors.py`: records, what lists and searches ask for, where a list goes on
- `oauth.py`, `limits.py`, `webhooks.py`: tokens, rate limits, signed deliveries
- `clock.py`, `ids.py`, `names.py`, `business.py`: moments, identifiers, people, the business that all know
- `faults.py`, `life.py`, `world.py`, `truth.py`, `control.py`, `server.py`: the sandbox around the vendors
"""
