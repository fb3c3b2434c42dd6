"""The interfaces: console, partner pages, public pages, REST, command line, worker. No business rules."""
