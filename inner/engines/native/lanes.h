/* Vectors of floats and the functions that formulas and activations call, from one text for AVX-512, AVX2, NEON and plain C. */
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__AVX512F__) && !(NARROW && defined(__AVX512VL__))
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif
#define INLINE static inline __attribute__((always_inline))
#define UP(n) (((n) + LANES - 1) / LANES * LANES)

typedef float vec __attribute__((vector_size(LANES * 4)));
typedef int32_t ivec __attribute__((vector_size(LANES * 4)));
typedef uint32_t uvec __attribute__((vector_size(LANES * 4)));
typedef union { vec v; ivec i; uvec u; } bits;

INLINE vec splat(float s) { return s - (vec){0}; }
typedef float loose __attribute__((vector_size(LANES * 4), aligned(4)));
INLINE vec load_any(const float *p) { return *(const loose *)p; } /* wherever it lies */
INLINE vec load(const float *p) { return *(const vec *)p; } /* aligned to LANES floats, as all of the workspace is */
/* Keeps a vector in its register, where a compiler would rather read it from memory at each use. */
#if defined(__AVX__)
#define HOLD(v) __asm__("" : "+v"(v))
#else
#define HOLD(v) (void)0
#endif
INLINE void store(float *p, vec v) { *(vec *)p = v; }
INLINE vec both(ivec mask, vec v) { return ((bits){.i = mask & ((bits){.v = v}).i}).v; }
INLINE vec either(ivec mask, vec yes, vec no)
{
    return ((bits){.i = (mask & ((bits){.v = yes}).i) | (~mask & ((bits){.v = no}).i)}).v;
}

/* The bound where x lies beyond it; nan stays nan. */
INLINE vec at_most(vec x, float bound)
{
#if defined(__AVX__)
    vec r, b = splat(bound);
    __asm__("vminps %1, %2, %0" : "=v"(r) : "v"(x), "v"(b)); /* of two, one nan: the second, which is x */
    return r;
#else
    return either(x > bound, splat(bound), x);
#endif
}
INLINE vec at_least(vec x, float bound)
{
#if defined(__AVX__)
    vec r, b = splat(bound);
    __asm__("vmaxps %1, %2, %0" : "=v"(r) : "v"(x), "v"(b));
    return r;
#else
    return either(x < bound, splat(bound), x);
#endif
}

/* The larger of two; of a number and nan, either. */
INLINE vec larger(vec x, vec y)
{
#if defined(__AVX__)
    vec r;
    __asm__("vmaxps %1, %2, %0" : "=v"(r) : "v"(x), "v"(y));
    return r;
#else
    return either(x > y, x, y);
#endif
}

/* x / y. Where dividing takes longer than the rest of a tanh: an estimate of 1 / y and one Newton step (2 ulp), for y of
   ordinary size. AMD's vectors of 16 (compilers that do not know their name yet take them for Zen 3) divide fast enough. */
#if defined(__AVX512F__) && !defined(__znver3__) && !defined(__znver4__) && !defined(__znver5__)
INLINE vec quotient(vec x, vec y)
{
    vec r;
    __asm__("vrcp14ps %1, %0" : "=v"(r) : "v"(y));
    vec q = x * r;
    return q + r * (x - q * y);
}
#else
INLINE vec quotient(vec x, vec y) { return x / y; }
#endif

/* FUNCTIONS: v_NAME of vectors, then s_NAME of one number, as the rows of inner/rules/functions have them. */

#if defined(__clang__)
#define PICK(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define PICK(a, b, ...) __builtin_shuffle(a, b, (ivec){__VA_ARGS__})
#endif

#if LANES == 16
#define FLIP8 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7
#define FLIP4 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11
#define FLIP2 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13
#define FLIP1 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14
#define LOW16 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
#define HIGH16 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31
#define LOW8 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27
#define HIGH8 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31
#define LOW4 0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29
#define HIGH4 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31
#define LOW2 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define HIGH2 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#elif LANES == 8
#define FLIP4 4, 5, 6, 7, 0, 1, 2, 3
#define FLIP2 2, 3, 0, 1, 6, 7, 4, 5
#define FLIP1 1, 0, 3, 2, 5, 4, 7, 6
#define LOW8 0, 1, 2, 3, 8, 9, 10, 11
#define HIGH8 4, 5, 6, 7, 12, 13, 14, 15
#define LOW4 0, 1, 4, 5, 8, 9, 12, 13
#define HIGH4 2, 3, 6, 7, 10, 11, 14, 15
#define LOW2 0, 2, 4, 6, 8, 10, 12, 14
#define HIGH2 1, 3, 5, 7, 9, 11, 13, 15
#else
#define FLIP2 2, 3, 0, 1
#define FLIP1 1, 0, 3, 2
#define LOW4 0, 1, 4, 5
#define HIGH4 2, 3, 6, 7
#define LOW2 0, 2, 4, 6
#define HIGH2 1, 3, 5, 7
#endif

/* The sum, or the largest, of all lanes, in every lane; FLIPn swaps lanes that are n apart. */
#define FOLD(v, how) \
    WIDE16(v = how(v, PICK(v, v, FLIP8));) WIDE8(v = how(v, PICK(v, v, FLIP4));) \
    v = how(v, PICK(v, v, FLIP2)); v = how(v, PICK(v, v, FLIP1));
#define WIDE16(x)
#define WIDE8(x)
#if LANES >= 8
#undef WIDE8
#define WIDE8(x) x
#endif
#if LANES >= 16
#undef WIDE16
#define WIDE16(x) x
#endif
INLINE vec plus(vec a, vec b) { return a + b; }
INLINE float sum_of(vec v) { FOLD(v, plus) return v[0]; }
INLINE float largest_of(vec v) { FOLD(v, larger) return v[0]; }

/* The sums, or the largest, of LANES vectors, one per lane: neighbours are halved together until each is one lane. */
#define HALVE(n, how) \
    for (int r = 0; r < n / 2; r++) \
        v[r] = how(PICK(v[2 * r], v[2 * r + 1], LOW##n), PICK(v[2 * r], v[2 * r + 1], HIGH##n));
#define HALVES(how) WIDE16(HALVE(16, how)) WIDE8(HALVE(8, how)) HALVE(4, how) HALVE(2, how)
INLINE vec sums_of(vec *v) { HALVES(plus) return v[0]; }
INLINE vec largest_each(vec *v) { HALVES(larger) return v[0]; }

/* Rows become columns: the halves of neighbours go apart until each vector is one lane of all. */
#define APART(n) \
    for (int g = 0; g < LANES; g += n) \
        for (int r = 0; r < n / 2; r++) { \
            u[g + r] = PICK(v[g + 2 * r], v[g + 2 * r + 1], LOW##n); \
            u[g + n / 2 + r] = PICK(v[g + 2 * r], v[g + 2 * r + 1], HIGH##n); \
        } \
    for (int r = 0; r < LANES; r++) \
        v[r] = u[r];
INLINE void transpose(vec *v) /* [LANES] */
{
    vec u[LANES];
    WIDE16(APART(16)) WIDE8(APART(8)) APART(4) APART(2)
}

INLINE ivec lanes_below(int64_t n) /* all bits of the first n lanes */
{
    ivec index;
    for (int l = 0; l < LANES; l++)
        index[l] = l;
    return index < (int32_t)(n > LANES ? LANES : n < 0 ? 0 : n);
}
