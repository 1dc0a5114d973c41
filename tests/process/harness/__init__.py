"""What the tests of this folder share: a backend, a gate for handlers, servers, clients."""
