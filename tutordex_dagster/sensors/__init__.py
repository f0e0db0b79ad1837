"""When: what is due becomes runs, without doing the same work twice."""
