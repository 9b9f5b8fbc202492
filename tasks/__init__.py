"""The outside world: one module per external system, and the Prefect tasks that use it."""
