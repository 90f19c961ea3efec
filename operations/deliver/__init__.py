"""What other systems are told: by webhooks, until they have it or for days."""
