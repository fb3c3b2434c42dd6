"""Every way in: console, partner pages, public pages, REST, CLI, worker entry. Holds no rule."""
