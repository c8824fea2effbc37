/* Lives in a world that answers, LANES of them side by side: every value is a vector with one lane per life.

   No lane looks at another, and each does the same arithmetic whatever its neighbours are, so that a life does not depend
   on its company. The generated part says the sizes: INPUTS, OUTPUTS, UNITS (of all layers, a bias unit after each but the
   last), SYNAPSES, COEFFICIENTS (of all layers), TRACES (values kept), WORLD (vectors of the world's state), TOTALS. */

#define VEC(x) ((x) + (vec){0})
#define LOOK 16 /* steps between looks at whether lives have left the finite range, as in inner/life/eager.py */
#define ACTION_SITE 65536 /* of inner/criteria.py */

typedef struct {
    int64_t lives, networks, steps, records, world_row;
    int64_t inherited; /* whether weights are those of a candidate, [P, SYNAPSES], and not of a lifetime */
    const int64_t *record, *numbers; /* [records]; what the world is told */
    const float *theta, *weights, *world; /* [P, COEFFICIENTS], [L, SYNAPSES], [L, world_row] */
    const uint32_t *keys, *luck; /* [L, 2] of actions and of the world's noise */
    double *totals; /* [N, records, TOTALS] */
    uint8_t *alive; /* [N, records] */
    float *end; /* [N, SYNAPSES] */
} Job;

typedef struct {
    vec y[UNITS], drive[UNITS], w[SYNAPSES], c[COEFFICIENTS + 1], trace[TRACES + 1], fresh_trace[TRACES + 1];
    vec chosen[OUTPUTS], world[WORLD + 1], reward, surprise, mean, count;
    ivec fresh, dead; /* an episode begins; the life has left the finite range */
    uvec key[2], luck[2];
    double total[TOTALS][LANES];
    int64_t life[LANES], network[LANES];
} Crowd;

/* Words 4 block .. 4 block + 3 of the draw at (t, site): those of inner/engines/native/noise.h, lane by lane. */
INLINE void lane_words(const uvec *key, int64_t t, uint32_t site, uint32_t block, uvec *words)
{
    const uint32_t low = (uint32_t)(uint64_t)t, high = (uint32_t)((uint64_t)t >> 32);
    uint32_t k0[LANES], k1[LANES], out[4][LANES];
    memcpy(k0, key, sizeof k0);
    memcpy(k1, key + 1, sizeof k1);
    for (int l = 0; l < LANES; l++) {
        uint32_t a = block, b = site, c = low, d = high, x = k0[l], y = k1[l];
        for (int round = 0; round < 10; round++) {
            const uint64_t p = (uint64_t)a * 0xD2511F53u, q = (uint64_t)c * 0xCD9E8D57u;
            a = (uint32_t)(q >> 32) ^ b ^ x, b = (uint32_t)q;
            c = (uint32_t)(p >> 32) ^ d ^ y, d = (uint32_t)p;
            x += 0x9E3779B9u, y += 0xBB67AE85u;
        }
        out[0][l] = a, out[1][l] = b, out[2][l] = c, out[3][l] = d;
    }
    memcpy(words, out, sizeof out);
}

/* In [0, 1), from 24 bits. */
INLINE vec lane_uniform(uvec word) { return __builtin_convertvector((ivec)(word >> 8), vec) * 0x1p-24f; }

INLINE void earn(Crowd *m, int which, vec value)
{
    for (int l = 0; l < LANES; l++)
        m->total[which][l] += (double)value[l];
}

/* The action of each life: the outputs, or one of them drawn with softmax probabilities, which is the largest with Gumbel noise
   (inner/criteria.py). */
INLINE void decide(Crowd *m, int64_t t, const vec *output)
{
    if (!CHOICE) {
        for (int j = 0; j < OUTPUTS; j++)
            m->chosen[j] = output[j];
        return;
    }
    uvec words[4];
    vec best = splat(-INFINITY);
    ivec action = {0};
    for (int j = 0; j < OUTPUTS; j++) {
        if (j % 4 == 0)
            lane_words(m->key, t, ACTION_SITE, (uint32_t)(j / 4), words);
        vec u = at_least(lane_uniform(words[j % 4]), 0x1p-25f);
        vec score = output[j] - v_log(-v_log(u));
        ivec better = score > best;
        best = either(better, score, best);
        action = (better & j) | (~better & action);
    }
    for (int j = 0; j < OUTPUTS; j++)
        m->chosen[j] = both(action == j, splat(1.0f));
}

/* Reward minus its running mean over the steps before: inner/learners/_signals.py. */
INLINE void compare(Crowd *m, float rate)
{
    m->surprise = both(m->count > 0.0f, m->reward - m->mean);
    vec share = at_least(1.0f / (m->count + 1.0f), rate);
    m->mean += share * (m->reward - m->mean);
    m->count += 1.0f;
}
