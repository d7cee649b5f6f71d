"""`mesh nats-keys`: the keys of servers, programs and those who read."""
