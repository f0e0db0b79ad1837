"""What keeps the house running: processes, locks, health. Knows no Dagster."""
