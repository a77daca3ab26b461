/* new_kernel: how far a ball flies, with the drag of air. A kernel of Rankine: one call of run() computes one task.
 * All that a kernel can do is told in <rankine/kernel.h>; `rankine help new` shows how to build it. */
#include <math.h>

#include <rankine/kernel.h>

/* What a task is given and what it returns. Each field is described once more at the end of this file. */
typedef struct {
    double angle, speed, drag, dt;
} params;

typedef struct {
    double range, time;
} result;

/* Must depend on the parameters alone (and on the task's random numbers: see rk_random_stream), never on the rank, the
 * time or earlier tasks: then its results have the same bits everywhere. */
static int run(rk_task *task, const void *from, void *to) {
    const params *p = from;
    result *r = to;
    if (!(p->speed > 0) || !(p->dt > 0)) /* a task that fails is recorded with this message; the others go on */
        return rk_task_fail(task, 1, "speed=%g dt=%g: both must be above 0", p->speed, p->dt);

    /* x'' = -drag |v| x',  y'' = -drag |v| y' - g: steps of the midpoint rule until the ball is down again. */
    const double g = 9.80665, h = p->dt, radian = 3.14159265358979323846 / 180;
    double x = 0, y = 0, u = p->speed * cos(p->angle * radian), v = p->speed * sin(p->angle * radian);
    double t = 0, last_x = 0, last_y = 0;
    while (y >= 0 && t < 1000) {
        double a = p->drag * sqrt(u * u + v * v);
        double um = u - 0.5 * h * (a * u), vm = v - 0.5 * h * (a * v + g);
        a = p->drag * sqrt(um * um + vm * vm);
        last_x = x;
        last_y = y;
        x += h * um;
        y += h * vm;
        u -= h * (a * um);
        v -= h * (a * vm + g);
        t += h;
    }
    double part = last_y / (last_y - y); /* of the last step, until it hit the ground */
    r->range = last_x + part * (x - last_x);
    r->time = t - (1 - part) * h;
    return RK_OK;
}

/* Name, C type, default (NULL: must be given), unit, meaning. */
RK_KERNEL(new_kernel, .summary = "how far a ball flies, with the drag of air", .version = "1", .deterministic = true,
          .params = {RK_PARAM(params, angle, RK_F64, "45", "degree", "elevation of the throw"),
                     RK_PARAM(params, speed, RK_F64, "30", "m/s", "speed of the throw"),
                     RK_PARAM(params, drag, RK_F64, "0", "1/m", "deceleration by air over speed squared"),
                     RK_PARAM(params, dt, RK_F64, "0.001", "s", "time step")},
          .outputs = {RK_OUTPUT(result, range, RK_F64, "m", "where the ball comes down"),
                      RK_OUTPUT(result, time, RK_F64, "s", "when")},
          .reduce = {RK_REDUCE("farthest", RK_MAX, range), RK_REDUCE("farthest_task", RK_ARGMAX, range)}, .run = run)
