"""Ways of running the same lifetime: `inner.life.eager` in torch (eager), and generated C (native); `choice` picks one."""
