"""REST, websockets and customer links."""
