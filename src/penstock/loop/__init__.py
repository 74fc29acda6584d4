"""The loop between the stages: the driver, its shells, and the flow of outcomes."""
