"""What the tests of this folder share: a sink for events, a gate for handlers, servers, clients."""
