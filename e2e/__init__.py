"""Journeys through the product in a real Chromium, against a real server."""
