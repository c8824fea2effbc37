"""Lives of small networks in worlds that answer, in generated C: a lane of each vector is a life."""
