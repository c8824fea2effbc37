/* One step of the lives that a thread has in hand, and what is looked at between steps. */

/* Copy a matrix [rows, columns] into a padded one, and back. */
INLINE void pad(float *to, const float *from, int64_t rows, int64_t columns, int64_t stride)
{
    for (int64_t i = 0; i < rows; i++)
        memcpy(to + i * stride, from + i * columns, (size_t)columns * 4);
}
INLINE void unpad(float *to, const float *from, int64_t rows, int64_t columns, int64_t stride)
{
    for (int64_t i = 0; i < rows; i++)
        memcpy(to + i * columns, from + i * stride, (size_t)columns * 4);
}

/* Where the samples of step t lie; copied beside each other where a rule needs more of them than numbers one by one. */
PART void fetch(const Job *job, const Work *m, int64_t n, int64_t t, const float **row)
{
    int64_t lifetime = n % job->lives, inputs = INPUTS(job);
    const float *x = job->x + lifetime * job->x_life;
    const int64_t *order = job->order + lifetime * job->order_life + t * job->batch;
    for (int64_t b = 0; b < SAMPLES(m); b++) {
        row[b] = x + order[b] * inputs;
        if (!BATCHED) { /* of the next step: on its way while this step is computed */
            for (int64_t i = 0; i < inputs; i += 16)
                __builtin_prefetch(row[b] + i);
            __builtin_prefetch(job->y + lifetime * job->y_life + order[b] * job->y_row);
        }
        if (COPY_X) {
            float *copy = m->x + (BATCHED ? b : t & 1) * CEIL(inputs);
            memcpy(copy, row[b], (size_t)inputs * 4);
            if (BIAS)
                copy[inputs] = 1.0f;
            row[b] = copy;
        }
    }
}

/* From the samples to the outputs, for the lives in hand: their steps wait for nothing of each other. */
INLINE void forward(const Job *job, Work *const *hand, int64_t lives)
{
    (void)job;
#define UPWARD(k, inputs, outputs, last) \
    for (int64_t c = 0; c < lives; c++) { \
        const Work *m = hand[c]; \
        float *drive = NEED_DRIVE ? m->drive[k] : m->post[k]; \
        if (UPRIGHT && (last) && (k)) { \
            upright(m->post[(k) ? (k) - 1 : 0], SAMPLES(m), m->w[k], inputs, outputs, m->post[k]); \
            continue; \
        } \
        if (BATCHED) \
            rise(m, (k) ? m->post[(k) ? (k) - 1 : 0] : NULL, m->first, SAMPLES(m), m->w[k], inputs, outputs, drive); \
        else if ((k) == 0) \
            drive = m->ahead; \
        else \
            up_one(m->post[(k) ? (k) - 1 : 0], m->w[k], ROWS(inputs), outputs, stride_of(outputs), drive); \
/*+*/        if (EXPLORES && m->noisy) \
/*+*/            add_noise(m, k, outputs, drive); \
        activate(drive, m->post[k], SAMPLES(m), outputs, last); \
    }
    LAYERS_UP(UPWARD)
}

/* Outputs for test samples, into m->post. */
static void predict(const Job *job, const Work *m, const float *const *row, int64_t count)
{
    for (int64_t k = 0; k < job->layers; k++) {
        int64_t outputs = job->units[k + 1];
        rise(m, k ? m->post[k - 1] : NULL, row, count, m->w[k], job->units[k], outputs, m->post[k]);
        activate(m->post[k], m->post[k], count, outputs, k + 1 == job->layers);
    }
}

/* `err` and `heard` of every layer of units that the rule looks at. */
PART void errors(const Job *job, const Work *m, int64_t n, int64_t t)
{
    int64_t top = TOP(job), outputs = OUTPUTS(job), size = CEIL(outputs);
    const float *y = job->y + n % job->lives * job->y_life;
    const int64_t *order = job->order + n % job->lives * job->order_life + t * job->batch;
    for (int64_t b = 0; b < SAMPLES(m); b++) {
        const float *output = m->post[top - 1] + b * size;
        m->aim[b] = y + order[b] * job->y_row;
        if (NEED_REWARD)
            m->reward[b] = reward_of(output, m->aim[b], outputs);
        for (int64_t j = 0; j < size; j += LANES)
            store(m->err[top] + b * size + j, SUPERVISED ? load_any(m->aim[b] + j) - load(output + j) : (vec){0});
    }
    if (NEED_HEARD) {
#define DOWNWARD(k, inputs, outputs_, last) \
        if ((k) >= (NEED_PRE_ERR ? 0 : 1)) { \
            hear(m, k, inputs, outputs_, outputs, top); \
            for (int64_t b = 0; b < SAMPLES(m); b++) \
                for (int64_t j = b * CEIL(inputs); j < (b + 1) * CEIL(inputs); j += LANES) \
                    store(m->err[k] + j, (k) ? load(m->heard[k] + j) * slope_of(load(m->post[(k) ? (k) - 1 : 0] + j)) \
                                             : load(m->heard[k] + j)); \
        }
        LAYERS_DOWN(DOWNWARD)
    }
}

/* Whether every weight is finite, looked at through the sum of each layer. */
INLINE int in_range(const Job *job, const Work *m)
{
    for (int64_t k = 0; k < job->layers; k++) {
        vec sum = {0};
        for (int64_t i = 0; i < SIZE(job->units[k], job->units[k + 1]); i += LANES)
            sum += load(m->w[k] + i);
        bits total = {.v = splat(sum_of(sum))};
        if ((total.i[0] & 0x7f800000) == 0x7f800000)
            return 0;
    }
    return 1;
}

static void examine(const Job *job, const Work *m, int64_t n, int64_t r, int alive)
{
    int64_t inputs = INPUTS(job), outputs = OUTPUTS(job), top = TOP(job);
    float *out = job->outputs + (n * job->records + r) * job->tests * outputs;
    job->alive[n * job->records + r] = (uint8_t)alive;
    if (!alive)
        memset(out, 0, (size_t)(job->tests * outputs) * 4);
    for (int64_t v = 0; alive && v < job->tests; v += TOGETHER) {
        int64_t count = job->tests - v < TOGETHER ? job->tests - v : TOGETHER;
        const float *x = job->test + n % job->lives * job->test_life + v * (inputs + BIAS);
        for (int64_t b = 0; b < count; b++)
            m->first[b] = x + b * (inputs + BIAS);
        predict(job, m, m->first, count);
        unpad(out + v * outputs, m->post[top - 1], count, outputs, CEIL(outputs));
    }
}

/* One step of a life: every layer's formulas, from the signals to the new weights. */
#define CHANGE(k, inputs, outputs, last) \
    { \
        for (int64_t c = 0; c < lives; c++) { \
            const Work *m = hand[c]; \
            for (int64_t b = 0; b < SAMPLES(m); b++) \
                m->row[b] = (k) ? m->post[(k) ? (k) - 1 : 0] + b * CEIL(inputs) : BATCHED ? m->first[b] : m->here; \
            if (NEED_RECON) \
                down(m->post[k], SAMPLES(m), CEIL(outputs), m->w[k], ROWS(inputs), outputs, stride_of(outputs), m->recon, \
                     CEIL(inputs)); \
            if (ANY_SUM) \
                sum_up(m, k, inputs, outputs); \
/*+*/            keep_values(m, k, inputs, outputs, last); \
            pre_side(m, k, inputs, last); \
            post_side(m, k, outputs, last); \
        } \
        for (int64_t c = 0; c < lives; c++) { \
            update(hand[c], k, inputs, outputs, hand[c]->after, !BATCHED && (k) == 0, last); \
            if (KEEP_NORM) \
                keep_norm(hand[c], k, inputs, outputs, !BATCHED && (k) == 0); \
/*+*/            turn_kept(hand[c], k); \
        } \
    }

/* What depends on coefficients and on the time alone, once per step. */
INLINE void tick(const Job *job, const Work *m, int64_t t, int64_t k, int last)
{
    m->c[k][SCALARS] = (float)t / (float)job->whole;
    m->c[k][SCALARS + 1] = (float)(t + 1);
/*+*/    kept_constants(m->c[k], m->kept_k[k]);
    constants(m->c[k], m->k[k], k, last);
}

static void step(const Job *job, Work *const *hand, int64_t lives, int64_t t)
{
    for (int64_t c = 0; TICKS && c < lives; c++)
        for (int64_t k = 0; k < TOP(job); k++)
            tick(job, hand[c], t, k, k + 1 == TOP(job));
    for (int64_t c = 0; c < lives; c++) {
        Work *m = hand[c];
        if (BATCHED)
            fetch(job, m, m->n, t, m->first);
        else if (t + 1 < job->steps)
            fetch(job, m, m->n, t + 1, &m->after);
    }
/*+*/    for (int64_t c = 0; EXPLORES && c < lives; c++)
/*+*/        hand[c]->noisy = 0;
/*+*/    if (CLEAN)
/*+*/        forward(job, hand, lives);
/*+*/    for (int64_t c = 0; EXPLORES && c < lives; c++) {
/*+*/        if (CLEAN)
/*+*/            reward_clean(job, hand[c], hand[c]->n, t);
/*+*/        draw(job, hand[c], t);
/*+*/        hand[c]->noisy = 1;
/*+*/    }
    forward(job, hand, lives);
    for (int64_t c = 0; c < lives; c++)
        errors(job, hand[c], hand[c]->n, t);
/*+*/    for (int64_t c = 0; NEED_SURPRISE && c < lives; c++)
/*+*/        compare(hand[c]);
    for (int64_t c = 0; job->code && c < lives; c++) {
        int64_t size = CEIL(OUTPUTS(job));
        for (int64_t b = 0; b < SAMPLES(hand[c]); b++)
            hand[c]->code += code_of(hand[c]->post[TOP(job) - 1] + b * size, hand[c]->aim[b], OUTPUTS(job));
    }
    LAYERS_UP(CHANGE)
    for (int64_t c = 0; c < lives; c++)
        hand[c]->here = hand[c]->after;
}

