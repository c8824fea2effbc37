"""Ways of running the same lifetime: `inner.lifetime` in torch (eager), and generated C (native); `choice` picks one."""
