/* One life from birth to its last step, and the threads that share a population out, life by life. */

#define EMPTY(pointer, floats) \
    do { \
        at = (at + 63) / 64 * 64; \
        if (base) \
            pointer = (void *)(base + at); \
        at += (size_t)(floats) * 4; \
    } while (0)

/* The workspace lies in one piece: called without a base it says how many bytes that takes. */
static size_t carve(const Job *job, Work *m, char *base)
{
    size_t at = 0;
    int64_t most = max_of(job->batch, TOGETHER), widest = 0, largest = 0, top = job->layers;
/*+*/    int64_t drawn = LANES; /* vectors are read beyond the last */
    for (int64_t k = 0; k <= top; k++)
        widest = max_of(widest, CEIL(job->units[k]));
    for (int64_t k = 0; k < top; k++) {
        int64_t inputs = job->units[k], outputs = job->units[k + 1], size = SIZE(inputs, outputs);
        int64_t senders = PATHWAY == DIRECT ? job->units[top] : outputs;
        largest = max_of(largest, size);
        EMPTY(m->w[k], size);
        EMPTY(m->trace[k], size * TRACES);
        EMPTY(m->own[k], PATHWAY == LEARNED ? size : PATHWAY == FIXED || PATHWAY == DIRECT ? senders * stride_of(inputs) : 0);
        EMPTY(m->k[k], CONSTANTS + 1);
        EMPTY(m->c[k], TICKS * (SCALARS + 2));
        EMPTY(m->wide[k], size * WIDE_SYNAPSE);
        EMPTY(m->wide_post[k], CEIL(outputs) * WIDE_POST);
        EMPTY(m->wide_pre[k], CEIL(inputs) * WIDE_PRE);
        EMPTY(m->post[k], most * CEIL(outputs));
        if (NEED_DRIVE)
            EMPTY(m->drive[k], most * CEIL(outputs));
/*+*/        EMPTY(m->noise[k], EXPLORES * job->batch * CEIL(outputs));
/*+*/        EMPTY(m->kept_k[k], KEPT_CONSTANTS + 1);
/*+*/        EMPTY(m->kept_pre[k], KEPT_PRE * job->batch * CEIL(inputs));
/*+*/        EMPTY(m->fresh_pre[k], KEPT_PRE * job->batch * CEIL(inputs));
/*+*/        EMPTY(m->kept_post[k], KEPT_POST * job->batch * CEIL(outputs));
/*+*/        EMPTY(m->fresh_post[k], KEPT_POST * job->batch * CEIL(outputs));
/*+*/        EMPTY(m->kept_one[k], KEPT_ONE * job->batch);
/*+*/        EMPTY(m->fresh_one[k], KEPT_ONE * job->batch);
/*+*/        drawn += EXPLORES * job->batch * outputs;
    }
    for (int64_t k = 0; k <= top; k++) {
        EMPTY(m->err[k], job->batch * CEIL(job->units[k]));
        if (NEED_FEEDBACK || k == top)
            EMPTY(m->heard[k], job->batch * CEIL(job->units[k]));
        else
            m->heard[k] = m->err[k]; /* nobody asks for it again */
    }
    EMPTY(m->x, max_of(2, job->batch) * CEIL(job->units[0]));
    EMPTY(m->recon, job->batch * widest);
    EMPTY(m->reward, job->batch);
    EMPTY(m->squares, widest);
    EMPTY(m->sums, job->batch * SUMS);
    EMPTY(m->carry, job->batch * widest * ORDERED);
    EMPTY(m->signs, PATHWAY == SIGNED ? largest : 0);
    EMPTY(m->pre_out, job->batch * widest * PRES);
    EMPTY(m->post_out, job->batch * widest * POSTS);
    EMPTY(m->ahead, widest);
    EMPTY(m->first, 2 * most);
    EMPTY(m->aim, 2 * most);
    EMPTY(m->row, 2 * most);
    EMPTY(m->pre_row, 2 * job->batch * PRES);
/*+*/    EMPTY(m->drawn, drawn);
/*+*/    EMPTY(m->clean, job->batch);
/*+*/    EMPTY(m->surprise, job->batch);
    m->batch = BATCHED ? job->batch : 1;
    m->share = 1.0f / (float)job->batch;
    if (base && !BATCHED && NEED_DRIVE)
        m->drive[0] = m->ahead;
    return at + 64;
}

static void birth(const Job *job, Work *m, int64_t n)
{
    int64_t lifetime = n % job->lives, candidate = n / job->lives, top = job->layers;
    const float *w = job->weights + lifetime * job->weights_life, *own = job->own + lifetime * job->own_life;
    const float *wide = job->wide + candidate * job->wide_candidate;
    for (int64_t k = 0; k < top; k++) {
        int64_t inputs = job->units[k], outputs = job->units[k + 1], stride = stride_of(outputs);
        memset(m->w[k], 0, (size_t)SIZE(inputs, outputs) * 4);
        pad(m->w[k], w, ROWS(inputs), outputs, stride);
        w += ROWS(inputs) * outputs;
        memset(m->trace[k], 0, (size_t)(SIZE(inputs, outputs) * TRACES) * 4);
        if (PATHWAY == FIXED || PATHWAY == DIRECT) {
            int64_t senders = PATHWAY == DIRECT ? job->units[top] : outputs;
            pad(m->own[k], own, senders, inputs, stride_of(inputs));
            own += senders * inputs;
        }
        if (PATHWAY == LEARNED) { /* lies as the weights lie, the other way round */
            memset(m->own[k], 0, (size_t)SIZE(inputs, outputs) * 4);
            for (int64_t i = 0; i < inputs; i++)
                for (int64_t j = 0; j < outputs; j++)
                    m->own[k][i * stride + j] = own[j * inputs + i];
            own += inputs * outputs;
        }
        pad(m->wide_post[k], wide, WIDE_POST, outputs, CEIL(outputs));
        wide += WIDE_POST * outputs;
        pad(m->wide_pre[k], wide, WIDE_PRE, ROWS(inputs), CEIL(inputs));
        wide += WIDE_PRE * ROWS(inputs);
        for (int64_t s = 0; s < WIDE_SYNAPSE; s++, wide += ROWS(inputs) * outputs)
            pad(m->wide[k] + s * SIZE(inputs, outputs), wide, ROWS(inputs), outputs, stride);
        if (TICKS)
            memcpy(m->c[k], job->theta + (candidate * top + k) * SCALARS, SCALARS * 4);
        else
            constants(job->theta + (candidate * top + k) * SCALARS, m->k[k], k, k + 1 == top);
/*+*/        if (!TICKS)
/*+*/            kept_constants(job->theta + (candidate * top + k) * SCALARS, m->kept_k[k]);
/*+*/        memset(m->kept_pre[k], 0, (size_t)(KEPT_PRE * job->batch * CEIL(inputs)) * 4);
/*+*/        memset(m->kept_post[k], 0, (size_t)(KEPT_POST * job->batch * CEIL(outputs)) * 4);
/*+*/        memset(m->kept_one[k], 0, (size_t)(KEPT_ONE * job->batch) * 4);
    }
/*+*/    m->sigma = SIGMA(job->theta + candidate * top * SCALARS);
/*+*/    m->mean = m->scored = 0;
/*+*/    m->key[0] = job->keys[2 * lifetime], m->key[1] = job->keys[2 * lifetime + 1];
}

static void begin(const Job *job, Work *m, int64_t n)
{
    m->n = n;
    m->code = 0;
    birth(job, m, n);
    if (job->records && job->record[0] == 0)
        examine(job, m, n, 0, 1);
    if (!BATCHED) {
        fetch(job, m, n, 0, &m->here);
        m->after = m->here;
        up_one(m->here, m->w[0], ROWS(job->units[0]), job->units[1], stride_of(job->units[1]), m->ahead);
    }
}

static void finish(const Job *job, const Work *m, int64_t r, int alive)
{
    for (; r < job->records; r++)
        examine(job, m, m->n, r, 0);
    if (job->code)
        job->code[m->n] = m->code;
    float *end = job->end + m->n * job->weights_life;
    for (int64_t k = 0; k < job->layers; k++) {
        int64_t rows = ROWS(job->units[k]), columns = job->units[k + 1];
        if (alive)
            unpad(end, m->w[k], rows, columns, stride_of(columns));
        else
            memset(end, 0, (size_t)(rows * columns) * 4);
        end += rows * columns;
    }
}

/* The lives in hand from birth to death; they share a thread and nothing else. */
static void live(const Job *job, Work **hand, int64_t lives)
{
    int64_t r = job->records && job->record[0] == 0;
    for (int64_t t = 0; t < job->steps && lives; t++) {
        step(job, hand, lives, t);
        int64_t done = t + 1;
        int now = r < job->records && job->record[r] == done;
        for (int64_t c = 0; (now || done == job->steps || done % LOOK == 0) && c < lives; c++) {
            int alive = in_range(job, hand[c]);
            if (now)
                examine(job, hand[c], hand[c]->n, r, alive);
            if (!alive) { /* the last in hand takes its place */
                finish(job, hand[c], r + now, 0);
                hand[c--] = hand[--lives];
            }
        }
        r += now;
    }
    for (int64_t c = 0; c < lives; c++)
        finish(job, hand[c], r, 1);
}

static void *work(void *argument)
{
    Job *job = argument;
    Work m[HAND];
    memset(m, 0, sizeof m);
    size_t size = (carve(job, m, NULL) + 63) / 64 * 64;
    char *base = NULL;
    if (posix_memalign((void **)&base, 64, HAND * size))
        return job;
    memset(base, 0, HAND * size);
    for (int64_t c = 0; c < HAND; c++)
        carve(job, m + c, base + (size_t)c * size);
    for (int64_t left = 1; left;) {
        Work *hand[HAND];
        int64_t lives = 0, from = __atomic_fetch_add(&job->next, HAND, __ATOMIC_RELAXED);
        left = job->population * job->lives - from;
        left = left < 0 ? 0 : left;
        for (; lives < HAND && lives < left; lives++) {
            hand[lives] = m + lives;
            begin(job, hand[lives], from + lives);
        }
        live(job, hand, lives);
    }
    free(base);
    return NULL;
}

/* Let every life of the job be lived; 0, or 1 where memory ran out. */
int run(Job *job)
{
    pthread_t thread[64];
    int64_t started = 0;
    int failed = 0;
    while (started < job->threads - 1 && started < 64 && !pthread_create(&thread[started], NULL, work, job))
        started++;
    failed |= work(job) != NULL;
    for (int64_t i = 0; i < started; i++) {
        void *result;
        pthread_join(thread[i], &result);
        failed |= result != NULL;
    }
    return failed;
}
