/* The Lorenz system and its largest Lyapunov exponent: see README.md. */
#include <math.h>

#include <rankine/kernel.h>

typedef struct {
    double rho, sigma, beta, dt;
    uint64_t steps;
} lorenz_params;

typedef struct {
    double x_max, lyapunov;
} lorenz_result;

/* The point and a tangent vector at it. */
typedef struct {
    double v[6];
} state;

static state slope(const lorenz_params *p, const state *s) {
    const double *v = s->v;
    return (state){{p->sigma * (v[1] - v[0]), v[0] * (p->rho - v[2]) - v[1], v[0] * v[1] - p->beta * v[2],
                    p->sigma * (v[4] - v[3]), (p->rho - v[2]) * v[3] - v[4] - v[0] * v[5],
                    v[1] * v[3] + v[0] * v[4] - p->beta * v[5]}};
}

static state along(const state *from, const state *slope, double h) {
    state to;
    for (int i = 0; i < 6; i++)
        to.v[i] = from->v[i] + h * slope->v[i];
    return to;
}

/* One step of the classical Runge-Kutta method. */
static state step(const lorenz_params *p, const state *s) {
    state k1 = slope(p, s), at = along(s, &k1, p->dt / 2);
    state k2 = slope(p, &at);
    at = along(s, &k2, p->dt / 2);
    state k3 = slope(p, &at);
    at = along(s, &k3, p->dt);
    state k4 = slope(p, &at), to;
    for (int i = 0; i < 6; i++)
        to.v[i] = s->v[i] + p->dt / 6 * (k1.v[i] + 2 * k2.v[i] + 2 * k3.v[i] + k4.v[i]);
    return to;
}

/* Bring the tangent vector back to length 1; returns the length that it had. */
static double shrink(state *s) {
    double length = sqrt(s->v[3] * s->v[3] + s->v[4] * s->v[4] + s->v[5] * s->v[5]);
    for (int i = 3; i < 6; i++)
        s->v[i] /= length;
    return length;
}

static int lorenz(rk_task *task, const void *params, void *result) {
    const lorenz_params *p = params;
    if (!(p->dt > 0) || p->steps == 0)
        return rk_task_fail(task, 1, "dt=%g steps=%llu: dt must be above 0, and steps at least 1", p->dt,
                            (unsigned long long)p->steps);
    state s = {{1, 1, 1, 1, 0, 0}};
    double growth = 0, x_max = -INFINITY;
    uint64_t settle = p->steps / 10; /* until the path is on the attractor */
    for (uint64_t i = 0; i < p->steps + settle; i++) {
        s = step(p, &s);
        double stretch = log(shrink(&s));
        if (i < settle)
            continue;
        growth += stretch;
        x_max = s.v[0] > x_max ? s.v[0] : x_max;
    }
    if (!isfinite(growth))
        return rk_task_fail(task, 1, "the path leaves every bound; take a smaller dt than %g", p->dt);
    *(lorenz_result *)result = (lorenz_result){x_max, growth / ((double)p->steps * p->dt)};
    return RK_OK;
}

RK_KERNEL(lorenz, .summary = "largest Lyapunov exponent of the Lorenz system", .version = "1", .deterministic = true,
          .params = {RK_PARAM(lorenz_params, rho, RK_F64, "28", "1", "Rayleigh number over its critical value"),
                     RK_PARAM(lorenz_params, sigma, RK_F64, "10", "1", "Prandtl number"),
                     RK_PARAM(lorenz_params, beta, RK_F64, "2.6666666666666665", "1", "geometry"),
                     RK_PARAM(lorenz_params, dt, RK_F64, "0.005", "s", "time step"),
                     RK_PARAM(lorenz_params, steps, RK_U64, "20000", "1", "time steps that count")},
          .outputs = {RK_OUTPUT(lorenz_result, x_max, RK_F64, "1", "largest x on the path"),
                      RK_OUTPUT(lorenz_result, lyapunov, RK_F64, "1/s", "largest Lyapunov exponent")},
          .reduce = {RK_REDUCE("lyapunov_max", RK_MAX, lyapunov), RK_REDUCE("lyapunov_argmax", RK_ARGMAX, lyapunov)},
          .run = lorenz, .thread_safe = true)
