
/* The lives n .. n + LANES - 1 from birth to their last step; those beyond the last are copies of it, and are not kept. */

static void birth(const Job *job, Crowd *m, int64_t from)
{
    memset(m, 0, sizeof *m);
    for (int l = 0; l < LANES; l++) {
        int64_t n = from + l < job->networks ? from + l : job->networks - 1, life = n % job->lives;
        m->network[l] = n, m->life[l] = life;
        for (int s = 0; s < SYNAPSES; s++)
            m->w[s][l] = job->weights[(job->inherited ? n / job->lives : life) * SYNAPSES + s];
        for (int d = 0; d < COEFFICIENTS; d++)
            m->c[d][l] = job->theta[n / job->lives * COEFFICIENTS + d];
        for (int k = 0; k < 2; k++)
            m->key[k][l] = job->keys[2 * life + k], m->luck[k][l] = job->luck[2 * life + k];
    }
    world_begin(job, m);
}

static void look(Crowd *m)
{
    vec sum = {0};
    for (int s = 0; s < SYNAPSES; s++)
        sum += m->w[s] - m->w[s]; /* 0 of a finite number, else nan */
    m->dead |= sum != 0.0f;
}

static void keep(const Job *job, const Crowd *m, int64_t from, int64_t r)
{
    for (int l = 0; l < LANES && from + l < job->networks; l++) {
        int64_t row = (from + l) * job->records + r;
        job->alive[row] = !m->dead[l];
        for (int k = 0; k < TOTALS; k++)
            job->totals[row * TOTALS + k] = m->total[k][l];
    }
}

int run(const Job *job)
{
    Crowd *m = NULL;
    if (posix_memalign((void **)&m, 64, (sizeof *m + 63) / 64 * 64))
        return 1;
    for (int64_t from = 0; from < job->networks; from += LANES) {
        int64_t r = 0;
        birth(job, m, from);
        for (int64_t t = 0;; t++) {
            if (t == job->steps || t % LOOK == 0 || (r < job->records && job->record[r] == t))
                look(m);
            if (r < job->records && job->record[r] == t)
                keep(job, m, from, r++);
            if (t == job->steps)
                break;
            world_observe(job, m, t);
            forward(m);
            decide(m, t, m->y + OUTPUT_AT);
            world_respond(job, m, t);
            learn(m);
        }
        for (int l = 0; l < LANES && from + l < job->networks; l++)
            for (int s = 0; s < SYNAPSES; s++)
                job->end[(from + l) * SYNAPSES + s] = m->dead[l] ? 0.0f : m->w[s][l];
    }
    free(m);
    return 0;
}
