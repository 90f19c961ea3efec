"""Who is told of an alert when: routes, steps until somebody acknowledges, quiet hours, storms as one message."""
