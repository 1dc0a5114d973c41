"""How the contract talks to each adapter."""
