"""The access matrix: a world of people and things with canaries, a policy row for each route, and every call made."""
