"""`mesh token`: issue, look at and revoke tokens of the Widget Data Service."""
