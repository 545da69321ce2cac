"""What can be read from trajectories. Never calls the engine."""
