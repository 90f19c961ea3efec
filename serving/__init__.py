"""What every HTTP listener does before an application sees a request: limits on connections, proxies, framing."""
