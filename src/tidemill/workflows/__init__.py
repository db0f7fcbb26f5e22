"""Durable workflows: chains of steps, timers and messages that survive `kill -9` at any line.

Stages state a chain as a plain function over `ports.Flow` and import nothing else from here but `records` and
`errors`. `durable.DurableWorkflows` keeps chains in a database; `inline.InlineWorkflows` runs them at once, with a
clock of its own, for tests and dry runs.
"""
