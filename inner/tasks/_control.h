
/* Episodes from drawn starts, numbers[0] of them, each of numbers[1] steps at most: inner/tasks/_control.py.
   The text before this one has STATE, `physics` and `observe`; m->world holds the state, the clock and the episode. */

static void world_start(const Job *job, Crowd *m, ivec which)
{
    for (int l = 0; l < LANES; l++)
        if (which[l]) {
            const int64_t episode = (int64_t)m->world[STATE + 1][l] % job->numbers[0];
            const float *start = job->world + m->life[l] * job->world_row + episode * STATE;
            for (int k = 0; k < STATE; k++)
                m->world[k][l] = start[k];
            m->world[STATE][l] = 0.0f;
        }
}

INLINE void world_begin(const Job *job, Crowd *m) { world_start(job, m, (ivec){0} == 0); }

INLINE void world_observe(const Job *job, Crowd *m, int64_t t)
{
    (void)job, (void)t;
    m->fresh = m->world[STATE] == 0.0f;
    observe(m->world, m->y);
}

INLINE void world_respond(const Job *job, Crowd *m, int64_t t)
{
    (void)t;
    earn(m, 1, both(m->fresh, splat(1.0f)));
    ivec over = physics(m->world, m->chosen, &m->reward);
    earn(m, 0, m->reward);
    m->world[STATE] += 1.0f;
    over |= m->world[STATE] >= (float)job->numbers[1];
    int any = 0;
    for (int l = 0; l < LANES; l++)
        any |= over[l];
    if (any) {
        m->world[STATE + 1] += both(over, splat(1.0f));
        world_start(job, m, over);
    }
}
