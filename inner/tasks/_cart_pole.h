/* CartPole: inner/tasks/cart_pole.py. Angles are below 0.3: the series of sine and cosine are exact to a bit. */
#define STATE 4

INLINE void observe(const vec *x, vec *y)
{
    for (int k = 0; k < STATE; k++)
        y[k] = x[k];
}

INLINE ivec beyond(vec x, float bound) { return (x > bound) | (x < -bound); }

INLINE ivec physics(vec *x, const vec *chosen, vec *reward)
{
    vec a = x[2] * x[2];
    vec s = x[2] * (1.0f + a * (-1.0f / 6 + a * (1.0f / 120 - a * (1.0f / 5040))));
    vec c = 1.0f + a * (-0.5f + a * (1.0f / 24 + a * (-1.0f / 720 + a * (1.0f / 40320))));
    vec force = 10.0f * (chosen[1] - chosen[0]);
    vec tmp = (force + 0.05f * x[3] * x[3] * s) * (1.0f / 1.1f);
    vec alpha = (9.8f * s - c * tmp) / (0.5f * (4.0f / 3 - 0.1f * c * c * (1.0f / 1.1f)));
    vec gain = tmp - 0.05f * alpha * c * (1.0f / 1.1f);
    x[0] += 0.02f * x[1], x[1] += 0.02f * gain, x[2] += 0.02f * x[3], x[3] += 0.02f * alpha;
    *reward = splat(1.0f);
    return beyond(x[0], 2.4f) | beyond(x[2], 0.20943951f);
}
