"""With what: databases, repositories and sources, opened for a run or a command."""
