"""The versioned work queue: what a job is, and the worker that drains it. No Dagster, no SQL."""
