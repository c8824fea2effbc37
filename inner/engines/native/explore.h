/* Noise in the drives of all units above the input, the reward that it is compared with, and what is kept from step to step. */

/* The noise of step t: one draw at site 0, layer after layer, within a layer sample after sample. */
PART void draw(const Job *job, const Work *m, int64_t t)
{
    int64_t units = 0, from = 0;
    (void)job;
    for (int64_t k = 1; k <= TOP(job); k++)
        units += UNITS(job, k);
    noise_normal(m->key[0], m->key[1], t, 0, 0, SAMPLES(m) * units, m->drawn);
#define DRAWN(k, inputs, outputs, last) \
    for (int64_t b = 0; b < SAMPLES(m); b++, from += (outputs)) \
        for (int64_t j = 0; j < UP(outputs); j += LANES) \
            store(m->noise[k] + b * CEIL(outputs) + j, \
                  both(lanes_below((outputs) - j), load_any(m->drawn + from + j) * m->sigma));
    LAYERS_UP(DRAWN)
}

INLINE void add_noise(const Work *m, int64_t k, int64_t outputs, float *drive)
{
    for (int64_t b = 0; b < SAMPLES(m); b++)
        for (int64_t j = b * CEIL(outputs); j < b * CEIL(outputs) + UP(outputs); j += LANES)
            store(drive + j, load(drive + j) + load(m->noise[k] + j));
}

/* The reward of the outputs as they are now. */
PART void reward_clean(const Job *job, const Work *m, int64_t n, int64_t t)
{
    const float *y = job->y + n % job->lives * job->y_life;
    const int64_t *order = job->order + n % job->lives * job->order_life + t * job->batch;
    for (int64_t b = 0; b < SAMPLES(m); b++)
        m->clean[b] = reward_of(m->post[TOP(job) - 1] + b * CEIL(OUTPUTS(job)), y + order[b] * job->y_row, OUTPUTS(job));
}

/* Reward minus its baseline, of every sample: the reward without noise, or the running mean of the steps before. */
PART void compare(Work *m)
{
    int64_t count = SAMPLES(m);
    float mean = 0, clean = 0;
    for (int64_t b = 0; b < count; b++) {
        mean += m->reward[b];
        clean += m->clean[b];
    }
    mean /= (float)count;
    clean /= (float)count;
    for (int64_t b = 0; b < count; b++) {
        float mine = OVER_STEP ? mean : m->reward[b];
        if (BASELINE_CLEAN)
            m->surprise[b] = EXPLORES ? mine - (OVER_STEP ? clean : m->clean[b]) : 0.0f;
        else
            m->surprise[b] = (mine - m->mean) * (m->scored > 0 ? 1.0f : 0.0f);
    }
    float share = 1.0f / (m->scored + 1.0f);
    m->mean += (share < RATE ? RATE : share) * (mean - m->mean);
    m->scored += 1.0f;
}

/* What this step has computed is what the next one finds. */
INLINE void turn_kept(Work *m, int64_t k)
{
    float *pre = m->kept_pre[k], *post = m->kept_post[k], *one = m->kept_one[k];
    m->kept_pre[k] = m->fresh_pre[k], m->kept_post[k] = m->fresh_post[k], m->kept_one[k] = m->fresh_one[k];
    m->fresh_pre[k] = pre, m->fresh_post[k] = post, m->fresh_one[k] = one;
}
