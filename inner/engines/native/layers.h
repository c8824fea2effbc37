/* What all rules share: the workspace of one life, the way up through the layers and the way down.

   Rows are presynaptic units (the bias unit is the last row), columns postsynaptic units, padded to whole vectors. What
   stands in the padding of weights, traces and units is 0 at all times. The generated part says by macros what a rule needs. */

#define CEIL(n) UP((n) + BIAS) /* floats of one sample's units: the bias unit comes after the last */
#define MOST 64 /* layers */
#define LOOK 32 /* steps between looks at whether a life has left the finite range */
#define HAND (BATCHED ? 1 : 2) /* lives that a thread leads step by step, so that one computes while the other waits */
#define TOGETHER 32 /* test samples that go up at once */
#define INNER 64 /* rows whose weights stay in the first-level cache while several samples pass */

typedef struct {
    int64_t layers, lives, population, steps, batch, tests, records, threads;
    int64_t x_life, y_life, order_life, test_life, weights_life, own_life; /* floats from one lifetime to the next */
    int64_t wide_candidate; /* floats from one candidate to the next */
    int64_t y_row; /* floats from one target to the next: whole vectors, 0 beyond the last unit */
    const int64_t *units, *record, *order;
    const float *x, *y, *test, *theta, *wide, *weights, *own; /* theta [P, layers, SCALARS], wide: per unit or synapse */
    float *outputs, *end; /* [N, records, V, O]; [N, all weights] */
    double *code;
    uint8_t *alive; /* [N, records] */
    int64_t next;
    int64_t whole; /* steps of the life of which this is the beginning */
/*+*/    const uint32_t *keys; /* of the noise, [L, 2] */
} Job;

typedef struct {
    float *w[MOST], *trace[MOST], *own[MOST], *k[MOST];
    float *wide[MOST], *wide_post[MOST], *wide_pre[MOST]; /* coefficients with a value per synapse, or per unit */
    float *post[MOST], *drive[MOST], *err[MOST + 1], *heard[MOST + 1]; /* [B, CEIL] */
    float *c[MOST]; /* coefficients, and behind them what this step is told of its time */
    float *x, *recon, *reward, *signs, *pre_out, *post_out;
    float *squares; /* of the new weights, summed per unit */
    float *sums, *carry; /* sums over a layer [sums, B]; running sums along rows, as far as they have come */
    float *ahead; /* drives of the first layer in the next step, which the update of this step has summed already */
    const float **first, **row, **pre_row; /* [B] where samples lie, the same of any layer; [PRES, B] where pre-side factors lie */
    const float **aim;         /* [B] where the targets lie */
    const float *here, *after; /* the sample of this step and of the next one */
    int64_t batch, n;          /* which life */
    double code;
    float share; /* 1 / B */
/*+*/    float *noise[MOST], *kept_k[MOST]; /* [B, CEIL] in the drives; constants of what is kept */
/*+*/    float *kept_pre[MOST], *fresh_pre[MOST]; /* [KEPT_PRE, B, CEIL(I)], of the step before and of this one */
/*+*/    float *kept_post[MOST], *fresh_post[MOST], *kept_one[MOST], *fresh_one[MOST]; /* [KEPT_POST, B, CEIL(O)]; [KEPT_ONE, B] */
/*+*/    float *drawn, *clean, *surprise; /* [all units, B] standard normals; rewards without noise [B]; [B] */
/*+*/    float sigma, mean, scored; /* of the noise; running mean of the reward, and steps that it was taken over */
/*+*/    uint32_t key[2];
/*+*/    int noisy; /* whether the way up adds the noise */
} Work;

/* Columns are apart by an odd number of vectors once a layer is wide, or its rows would fall on the same cache lines. */
INLINE int64_t stride_of(int64_t units)
{
    int64_t vectors = UP(units) / LANES;
    return (vectors > 8 ? vectors | 1 : vectors) * LANES;
}
INLINE int64_t max_of(int64_t a, int64_t b) { return a > b ? a : b; }

/* Shape of a layer of synapses: I + bias rows, O columns. */
#define ROWS(inputs) ((inputs) + BIAS)
#define SIZE(inputs, outputs) (UP(ROWS(inputs)) * stride_of(outputs))

/* C[r, u] = sum_i A[r][i] w[i, j + u]: MR samples and JB vectors of columns, kept in registers over at most INNER rows. */
INLINE void up_tile(const float *const *a, const int MR, const float *w, int64_t from, int64_t to, int64_t stride,
                    int64_t j, const int JB, float *out, int64_t out_stride)
{
    vec sum[8][4], b[4];
    for (int r = 0; r < MR; r++)
        for (int u = 0; u < JB; u++)
            sum[r][u] = from ? load(out + r * out_stride + j + u * LANES) : (vec){0};
    for (int64_t i = from; i < to; i++) {
        for (int u = 0; u < JB; u++) {
            b[u] = load(w + i * stride + j + u * LANES);
            HOLD(b[u]);
        }
        for (int r = 0; r < MR; r++) {
            float s = a[r][i];
            for (int u = 0; u < JB; u++)
                sum[r][u] += s * b[u];
        }
    }
    for (int r = 0; r < MR; r++)
        for (int u = 0; u < JB; u++)
            store(out + r * out_stride + j + u * LANES, sum[r][u]);
}

#define OVER_ROWS(MR, JB) \
    int64_t s = 0; \
    for (; s + MR <= count; s += MR) \
        up_tile(a + s, MR, w, from, to, stride, j, JB, out + s * out_stride, out_stride); \
    for (; s < count; s++) \
        up_tile(a + s, 1, w, from, to, stride, j, JB, out + s * out_stride, out_stride);

PART void up_many(const float *const *a, int64_t count, const float *w, int64_t rows, int64_t columns, int64_t stride,
                    float *out, int64_t out_stride)
{
    int64_t end = UP(columns), j = 0;
    for (; j < end;) {
        int64_t left = (end - j) / LANES;
        for (int64_t from = 0; from < rows; from += INNER) {
            int64_t to = from + INNER < rows ? from + INNER : rows;
            if (left >= 4) { OVER_ROWS(4, 4) }
            else if (left >= 2) { OVER_ROWS(8, 2) }
            else { OVER_ROWS(8, 1) }
        }
        j += (left >= 4 ? 4 : left >= 2 ? 2 : 1) * LANES;
    }
}

/* Drives [count, CEIL(O)] of a layer from `below` [count, CEIL(I)], or from samples that lie anywhere. */
PART void rise(const Work *m, const float *below, const float *const *row, int64_t count, const float *w, int64_t inputs,
               int64_t outputs, float *drive)
{
    for (int64_t b = 0; below && b < count; b++)
        m->row[b] = below + b * CEIL(inputs);
    up_many(below ? (const float *const *)m->row : row, count, w, ROWS(inputs), outputs, stride_of(outputs), drive, CEIL(outputs));
}

/* One sample: four rows at a time, each with a sum of its own, so that no addition waits for another. */
INLINE void up_one_tile(const float *a, const float *w, int64_t rows, int64_t stride, const int JB, float *out)
{
    vec sum[4][4];
    for (int r = 0; r < 4; r++)
        for (int u = 0; u < JB; u++)
            sum[r][u] = (vec){0};
    int64_t whole = rows - rows % 4;
    for (int64_t i = 0; i < whole; i += 4)
        for (int r = 0; r < 4; r++)
            for (int u = 0; u < JB; u++)
                sum[r][u] += a[i + r] * load(w + (i + r) * stride + u * LANES);
    for (int64_t i = whole; i < rows; i++)
        for (int u = 0; u < JB; u++)
            sum[0][u] += a[i] * load(w + i * stride + u * LANES);
    for (int u = 0; u < JB; u++)
        store(out + u * LANES, (sum[0][u] + sum[1][u]) + (sum[2][u] + sum[3][u]));
}
PART void up_one(const float *a, const float *w, int64_t rows, int64_t columns, int64_t stride, float *out)
{
    int64_t end = UP(columns), j = 0;
    for (; end - j >= 4 * LANES; j += 4 * LANES)
        up_one_tile(a, w + j, rows, stride, 4, out + j);
    if (end - j >= 2 * LANES) {
        up_one_tile(a, w + j, rows, stride, 2, out + j);
        j += 2 * LANES;
    }
    if (end > j)
        up_one_tile(a, w + j, rows, stride, 1, out + j);
}

/* out[i] = sum_j w[i, j] v[j], LANES rows at a time. */
INLINE void down_one(const float *v, const float *w, int64_t rows, int64_t columns, int64_t stride, float *out)
{
    for (int64_t i = 0; i < rows; i += LANES) {
        vec sum[LANES];
        for (int r = 0; r < LANES; r++)
            sum[r] = (vec){0};
        for (int64_t j = 0; j < columns; j += LANES) {
            vec b = load(v + j);
            for (int r = 0; r < LANES; r++)
                sum[r] += b * load(w + (i + r) * stride + j);
        }
        store(out + i, sums_of(sum));
    }
}
PART void down(const float *v, int64_t count, int64_t v_stride, const float *w, int64_t rows, int64_t columns,
                 int64_t stride, float *out, int64_t out_stride)
{
    for (int64_t b = 0; b < count; b++)
        down_one(v + b * v_stride, w, rows, columns, stride, out + b * out_stride);
}

/* The feedback that layer k of units hears from `err` above it. */
PART void hear(const Work *m, int64_t k, int64_t units, int64_t above, int64_t outputs, int64_t top)
{
    int64_t size = CEIL(units), from = CEIL(above), stride = stride_of(above);
    float *out = m->heard[k];
    const float *err = m->err[PATHWAY == DIRECT ? top : k + 1];
    (void)stride;
#if PATHWAY == BACKPROP
    down(err, SAMPLES(m), from, m->w[k], units, above, stride, out, size);
#elif PATHWAY == LEARNED
    down(err, SAMPLES(m), from, m->own[k], units, above, stride, out, size);
#elif PATHWAY == SIGNED
    vec scale = splat(1.0f / sqrtf((float)above));
    for (int64_t j = 0; j < UP(units) * stride; j += LANES)
        store(m->signs + j, v_sign(load(m->w[k] + j)));
    down(err, SAMPLES(m), from, m->signs, units, above, stride, out, size);
    for (int64_t j = 0; j < SAMPLES(m) * size; j += LANES)
        store(out + j, load(out + j) * scale);
#elif PATHWAY == FIXED || PATHWAY == DIRECT
    int64_t senders = PATHWAY == DIRECT ? outputs : above;
    from = CEIL(senders);
    if (SAMPLES(m) == 1)
        up_one(err, m->own[k], senders, units, stride_of(units), out);
    else
        for (int64_t b = 0; b < SAMPLES(m); b += TOGETHER) {
            const float *a[TOGETHER];
            int64_t count = SAMPLES(m) - b < TOGETHER ? SAMPLES(m) - b : TOGETHER;
            for (int64_t r = 0; r < count; r++)
                a[r] = err + (b + r) * from;
            up_many(a, count, m->own[k], senders, units, stride_of(units), out + b * size, size);
        }
#else
    (void)from, (void)err;
    for (int64_t b = 0; b < SAMPLES(m); b++)
        for (int64_t j = 0; j < size; j += LANES)
            store(out + b * size + j, PATHWAY == REWARD ? splat(m->reward[b]) : (vec){0});
#endif
    (void)outputs, (void)top;
    for (int64_t b = 0; b < SAMPLES(m); b++) /* nothing for the bias unit, nothing in the padding */
        for (int64_t j = units / LANES * LANES; j < size; j += LANES)
            store(out + b * size + j, both(lanes_below(units - j), load(out + b * size + j)));
}

/* The signals that are sums over a layer, of each sample, in the order of the catalogue. */
PART void sum_up(const Work *m, int64_t k, int64_t inputs, int64_t outputs)
{
    int64_t rows = ROWS(inputs), count = SAMPLES(m);
    for (int64_t b = 0; b < count; b++) {
        vec pre = {0}, post = {0}, drive_err = {0}, recon_err = {0}, err_power = {0}, post_power = {0}, pre_power = {0};
        for (int64_t i = 0; i < UP(rows); i += LANES) {
            if (NEED_PRE_SUM)
                pre += load(m->row[b] + i);
            if (NEED_PRE_POWER)
                pre_power += load(m->row[b] + i) * load(m->row[b] + i);
            if (NEED_RECON_ERR)
                recon_err += both(lanes_below(rows - i), load(m->recon + b * CEIL(inputs) + i) * load(m->err[k] + b * CEIL(inputs) + i));
        }
        for (int64_t j = 0; j < UP(outputs); j += LANES) {
            ivec real = lanes_below(outputs - j);
            int64_t at = b * CEIL(outputs) + j;
            if (NEED_POST_SUM)
                post += both(real, load(m->post[k] + at));
            if (NEED_DRIVE_ERR)
                drive_err += both(real, load(m->drive[k] + at) * load(m->err[k + 1] + at));
            if (NEED_ERR_POWER)
                err_power += both(real, load(m->err[k + 1] + at) * load(m->err[k + 1] + at));
            if (NEED_POST_POWER)
                post_power += both(real, load(m->post[k] + at) * load(m->post[k] + at));
        }
        vec found[SUMS] = {pre, post, drive_err, recon_err, err_power, post_power, pre_power};
        for (int s = 0; s < SUMS; s++)
            m->sums[s * count + b] = sum_of(found[s]);
    }
}

/* What w has summed up to along a row, whose earlier vectors have left their sum in `carry`. */
INLINE vec running(float *carry, vec value, int first)
{
    float sum = first ? 0.0f : *carry;
    for (int l = 0; l < LANES; l++)
        value[l] = sum += value[l];
    *carry = sum;
    return value;
}

/* Homeostasis: the incoming weights of each unit are scaled to the bound, or where they are longer than it. */
PART void keep_norm(const Work *m, int64_t k, int64_t inputs, int64_t outputs, int ahead)
{
    int64_t stride = stride_of(outputs);
    for (int64_t j = 0; j < UP(outputs); j += LANES) {
        vec squares = {0}, norm;
        float *w = m->w[k] + j;
        if (!BATCHED)
            squares = load(m->squares + j); /* the update has summed them already */
        for (int64_t i = 0; BATCHED && i < ROWS(inputs); i++)
            squares += load(w + i * stride) * load(w + i * stride);
        squares = at_least(squares, 1e-30f);
        for (int l = 0; l < LANES; l++)
            norm[l] = sqrtf(squares[l]);
        vec factor = BOUND / (MAX_NORM ? at_least(norm, BOUND) : norm) + (norm - norm); /* inf - inf: nan, not 0 */
        ivec same = factor == splat(1.0f);
        int idle = 1;
        for (int l = 0; l < LANES; l++)
            idle &= same[l];
        if (idle)
            continue;
        for (int64_t i = 0; i < ROWS(inputs); i++)
            store(w + i * stride, load(w + i * stride) * factor);
        if (ahead)
            store(m->ahead + j, load(m->ahead + j) * factor);
    }
}
