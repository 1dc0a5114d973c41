"""The drivers of the contract, one module for each adapter."""
