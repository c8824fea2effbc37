/* Cart-pole swing-up: inner/tasks/swing_up.py. */
#define STATE 4

/* cos(x + quarter pi / 2): x is brought to |r| <= pi / 4 by whole quarters; series to degree 7 and 8. */
INLINE vec turned(vec x, int quarter)
{
    vec n = __builtin_convertvector(__builtin_convertvector(x * 0.63661977f + either(x < 0.0f, splat(-0.5f), splat(0.5f)), ivec), vec);
    vec r = ((x - n * 1.5703125f) - n * 4.837512969970703e-4f) - n * 7.549789948768648e-8f, a = r * r;
    vec s = r * (1.0f + a * (-1.6666667e-1f + a * (8.3333310e-3f - a * 1.9840874e-4f)));
    vec c = 1.0f + a * (-0.5f + a * (4.1666668e-2f + a * (-1.3888397e-3f + a * 2.4433157e-5f)));
    ivec q = (__builtin_convertvector(n, ivec) + quarter) & 3;
    vec value = either((q & 1) == 1, s, c);
    return either((q == 1) | (q == 2), -value, value);
}
INLINE vec cosine(vec x) { return turned(x, 0); }
INLINE vec sine(vec x) { return turned(x, 3); }

INLINE void observe(const vec *x, vec *y)
{
    y[0] = x[0], y[1] = x[1], y[2] = cosine(x[2]), y[3] = sine(x[2]), y[4] = x[3];
}

INLINE ivec physics(vec *x, const vec *chosen, vec *reward)
{
    vec c = cosine(x[2]), s = sine(x[2]), force = 10.0f * v_tanh(chosen[0]);
    vec turn = 0.3f * x[3] * x[3] * s;
    vec gain = (-2.0f * turn + 14.73f * s * c + 4.0f * force - 0.4f * x[1]) / (4.0f - 1.5f * c * c);
    vec alpha = (-3.0f * turn * c + 58.92f * s + 6.0f * (force - 0.1f * x[1]) * c) / (2.4f - 0.9f * c * c);
    x[0] += 0.01f * x[1], x[1] += 0.01f * gain, x[2] += 0.01f * x[3], x[3] += 0.01f * alpha;
    *reward = (cosine(x[2]) + 1.0f) * 0.5f * cosine(x[0] * 0.65449847f);
    return (x[0] > 2.4f) | (x[0] < -2.4f);
}
