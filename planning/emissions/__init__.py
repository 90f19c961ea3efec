"""What moving goods emits: legs, hubs and rounds of a transport chain, as ISO 14083 reckons them."""
