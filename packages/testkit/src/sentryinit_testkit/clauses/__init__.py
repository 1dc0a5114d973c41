"""The cases, a module for each letter of the contract."""
