"""What is known of a run: events, the log they are kept in, and the trajectory they add up to."""
