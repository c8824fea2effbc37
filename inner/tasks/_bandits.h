/* Bandits whose pay changes every numbers[0] pulls (0: never), in numbers[1] pieces: inner/tasks/_bandits.py. */
#define LUCK 131072 /* site */

INLINE void world_arms(const Job *job, Crowd *m, int64_t piece)
{
    for (int k = 0; k < OUTPUTS; k++)
        for (int l = 0; l < LANES; l++)
            m->world[k][l] = job->world[m->life[l] * job->world_row + piece * OUTPUTS + k];
}

INLINE void world_begin(const Job *job, Crowd *m)
{
    world_arms(job, m, 0);
    m->y[0] = splat(1.0f);
}

INLINE void world_observe(const Job *job, Crowd *m, int64_t t)
{
    const int64_t every = job->numbers[0], pieces = job->numbers[1];
    if (every && t && t % every == 0)
        world_arms(job, m, t / every < pieces ? t / every : pieces - 1);
}

INLINE void world_respond(const Job *job, Crowd *m, int64_t t)
{
    (void)job;
    uvec words[4];
    m->reward = splat(0.0f);
    for (int k = 0; k < OUTPUTS; k++) {
        if (k % 4 == 0)
            lane_words(m->luck, t, LUCK, (uint32_t)(k / 4), words);
        m->reward += both(lane_uniform(words[k % 4]) < m->world[k], m->chosen[k]);
    }
    earn(m, 0, m->reward);
}
