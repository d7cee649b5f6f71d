"""The Widget Data Service: leaderboards from KV to browsers over one WebSocket, and the page."""
