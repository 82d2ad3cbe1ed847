"""Reddit, live, through PRAW: the only user of it."""
