/* What units make of their drives, and what a network's output is worth: to the whole network, and in bits. */

/* Softmax of samples, LANES of them at once: what all units of a sample have in common is found for all samples together. */
PART void softmax(const float *drive, float *post, int64_t count, int64_t units)
{
    int64_t size = CEIL(units), columns = UP(units);
    float common[LANES] __attribute__((aligned(64)));
    for (int64_t from = 0; from < count; from += LANES, drive += LANES * size, post += LANES * size) {
        vec v[LANES];
        for (int r = 0; r < LANES; r++) {
            v[r] = splat(-INFINITY);
            for (int64_t j = 0; from + r < count && j < columns; j += LANES)
                v[r] = larger(v[r], either(lanes_below(units - j), load(drive + r * size + j), splat(-INFINITY)));
        }
        store(common, largest_each(v));
        for (int r = 0; r < LANES; r++) {
            vec sum = {0};
            for (int64_t j = 0; from + r < count && j < columns; j += LANES) {
                vec p = both(lanes_below(units - j), v_exp_down(load(drive + r * size + j) - common[r]));
                store(post + r * size + j, p);
                sum += p;
            }
            v[r] = sum;
        }
        store(common, 1.0f / sums_of(v));
        for (int r = 0; r < LANES; r++)
            for (int64_t j = 0; from + r < count && j < columns; j += LANES)
                store(post + r * size + j, load(post + r * size + j) * common[r]);
    }
}

/* The same of one sample, whose sums are found without company. */
PART void softmax_one(const float *drive, float *post, int64_t units)
{
    vec most = splat(-INFINITY), sum = {0};
    for (int64_t j = 0; j < UP(units); j += LANES)
        most = larger(most, either(lanes_below(units - j), load(drive + j), splat(-INFINITY)));
    float top = largest_of(most);
    for (int64_t j = 0; j < UP(units); j += LANES) {
        vec p = both(lanes_below(units - j), v_exp_down(load(drive + j) - top));
        store(post + j, p);
        sum += p;
    }
    float share = 1.0f / sum_of(sum);
    for (int64_t j = 0; j < UP(units); j += LANES)
        store(post + j, load(post + j) * share);
}

/* A last layer of at most LANES units, from drives to softmax, a sample per lane: no lane is idle, no sum goes across lanes. */
INLINE void upright(const float *below, int64_t count, const float *w, int64_t inputs, int64_t units, float *post)
{
    int64_t rows = ROWS(inputs);
    for (int64_t from = 0; from < count; from += LANES) {
        vec p[LANES], pre[LANES];
        for (int j = 0; j < LANES; j++)
            p[j] = (vec){0};
        for (int64_t i = 0; i < rows; i += LANES) {
            for (int r = 0; r < LANES; r++)
                pre[r] = from + r < count ? load(below + (from + r) * CEIL(inputs) + i) : (vec){0};
            transpose(pre);
            for (int r = 0; r < LANES && i + r < rows; r++)
                for (int j = 0; j < units; j++)
                    p[j] += w[(i + r) * stride_of(units) + j] * pre[r];
        }
        vec most = p[0], sum = {0};
        for (int j = 1; j < units; j++)
            most = larger(most, p[j]);
        for (int j = 0; j < units; j++)
            sum += p[j] = v_exp_down(p[j] - most);
        sum = 1.0f / sum;
        for (int j = 0; j < units; j++)
            p[j] *= sum;
        transpose(p);
        for (int r = 0; r < LANES && from + r < count; r++)
            store(post + (from + r) * CEIL(units), p[r]);
    }
}

/* Drives [count, CEIL] -> activities, in place or beside them; 0 beyond the last unit, then 1 for the bias unit. */
PART void bend(const float *drive, float *post, int64_t count, int64_t units, int last)
{
    for (int64_t b = 0; b < count; b++, drive += CEIL(units), post += CEIL(units)) {
        for (int64_t j = 0; j < UP(units); j += LANES) {
            vec d = load(drive + j);
            vec p = !last ? hidden(d) : OUTPUT == SIGMOID ? v_sigmoid(d) : d;
            store(post + j, both(lanes_below(units - j), p));
        }
        if (BIAS && !last)
            post[units] = 1.0f;
    }
}

INLINE void activate(const float *drive, float *post, int64_t count, int64_t units, int last)
{
    if (!last || OUTPUT != SOFTMAX)
        bend(drive, post, count, units, last);
    else if (count == 1)
        softmax_one(drive, post, units);
    else
        softmax(drive, post, count, units);
}

/* What is told to the whole network about one sample: 1 / -1 for a right / wrong class, minus the error, or nothing. */
PART float reward_of(const float *output, const float *target, int64_t units)
{
    if (KIND == CLASSIFICATION) {
        int64_t said = 0, true_ = 0;
        for (int64_t j = 1; j < units; j++) {
            said = output[j] > output[said] ? j : said;
            true_ = target[j] > target[true_] ? j : true_;
        }
        return said == true_ ? 1.0f : -1.0f;
    }
    float sum = 0;
    for (int64_t j = 0; KIND == REGRESSION && j < units; j++)
        sum -= (target[j] - output[j]) * (target[j] - output[j]);
    return KIND == REGRESSION ? sum / (float)units : 0.0f;
}

/* Bits to code one sample's target given the prediction, as `inner.lifetime.code_length` has it. */
static double code_of(const float *output, const float *target, int64_t units)
{
    if (KIND == CLASSIFICATION) {
        float p = 0;
        for (int64_t j = 0; j < units; j++)
            p += output[j] * target[j];
        return -log2(p > 0x1p-100f || p != p ? p : 0x1p-100f);
    }
    double sum = 0;
    for (int64_t j = 0; j < units; j++)
        sum += ((double)target[j] - output[j]) * ((double)target[j] - output[j]);
    return sum * (0.5 / 0.6931471805599453) + 1.3257480647361593 * (double)units; /* 0.5 log2(2 pi) */
}
