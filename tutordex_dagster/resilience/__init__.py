"""What keeps calls to the outside gentle and patient: retries, breaker, pacing. No I/O of its own."""
