"""The listener: holds the one socket to the vendor and publishes the tape. No market arithmetic."""
