"""Networks of others, made the size of ours."""
