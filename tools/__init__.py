"""What sets the project up, locks its requirements and checks it. Run as `python -m tools.<name>`."""
