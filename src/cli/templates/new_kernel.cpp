// new_kernel: how far a ball flies, with the drag of air. A kernel of Rankine: one call of run() computes one task.
// All that a kernel can do is told in <rankine/kernel.hpp>; `rankine help new` shows how to build it.
#include <cmath>

#include <rankine/kernel.hpp>

namespace {

// What a task is given and what it returns: plain data, described once more in describe().
struct params {
    double angle, speed, drag, dt;
};

struct result {
    double range, time;
};

// Must depend on the parameters alone (and on the task's random numbers: see task.random()), never on the rank, the
// time or earlier tasks: then its results have the same bits everywhere.
void run(rk::task &, const params &p, result &r) {
    if (!(p.speed > 0) || !(p.dt > 0)) // a task that fails is recorded with this message; the others go on
        rk::fail(1, "speed=%g dt=%g: both must be above 0", p.speed, p.dt);

    // x'' = -drag |v| x',  y'' = -drag |v| y' - g: steps of the midpoint rule until the ball is down again.
    const double g = 9.80665, h = p.dt, radian = 3.14159265358979323846 / 180;
    double x = 0, y = 0, u = p.speed * std::cos(p.angle * radian), v = p.speed * std::sin(p.angle * radian);
    double t = 0, last_x = 0, last_y = 0;
    while (y >= 0 && t < 1000) {
        double a = p.drag * std::sqrt(u * u + v * v);
        const double um = u - 0.5 * h * (a * u), vm = v - 0.5 * h * (a * v + g);
        a = p.drag * std::sqrt(um * um + vm * vm);
        last_x = x;
        last_y = y;
        x += h * um;
        y += h * vm;
        u -= h * (a * um);
        v -= h * (a * vm + g);
        t += h;
    }
    const double part = last_y / (last_y - y); // of the last step, until it hit the ground
    r.range = last_x + part * (x - last_x);
    r.time = t - (1 - part) * h;
}

// Name, field, default (nullptr: must be given), unit, meaning; types follow from the fields.
void describe(rk::kernel<params, result> &k) {
    k.summary = "how far a ball flies, with the drag of air";
    k.version = "1";
    k.deterministic = true;
    k.param("angle", &params::angle, "45", "degree", "elevation of the throw");
    k.param("speed", &params::speed, "30", "m/s", "speed of the throw");
    k.param("drag", &params::drag, "0", "1/m", "deceleration by air over speed squared");
    k.param("dt", &params::dt, "0.001", "s", "time step");
    k.output("range", &result::range, "m", "where the ball comes down");
    k.output("time", &result::time, "s", "when");
    k.reduction("farthest", RK_MAX, &result::range);
    k.reduction("farthest_task", RK_ARGMAX, &result::range);
    k.run_by<run>();
}

} // namespace

RK_KERNEL_CPP(new_kernel, describe)
