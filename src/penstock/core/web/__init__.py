"""The web: URLs, requests, responses, retries and robots.txt as values and arithmetic."""
