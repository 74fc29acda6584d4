"""The loop between the stages: the driver, the shells that wait for it, and the flow that a caller iterates."""
