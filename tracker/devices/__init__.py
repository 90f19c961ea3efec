"""Who reported when: liveness and batteries."""
