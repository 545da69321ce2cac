"""Static renderings of a trajectory: functions from data to text."""
