/* The Mandelbrot set, a row of the image per task: see README.md. */
#include <math.h>

#include <rankine/kernel.h>

typedef struct {
    uint32_t width, height, max_iter;
    double center_x, center_y, scale;
} mandelbrot_params;

typedef struct {
    uint32_t *iterations;
} mandelbrot_result;

static double pixel(const mandelbrot_params *p) {
    return p->scale / p->width;
}

static double row_of(const mandelbrot_params *p, double row) {
    return p->center_y + (row + 0.5 - 0.5 * p->height) * pixel(p);
}

static int mandelbrot_plan(rk_plan *plan, const void *params) {
    const mandelbrot_params *p = params;
    if (p->width == 0 || p->height == 0)
        return rk_plan_fail(plan, "an image of %u x %u pixels; width and height must be at least 1", p->width,
                            p->height);
    if (!(p->scale > 0) || !isfinite(p->scale))
        return rk_plan_fail(plan, "scale %g: the width of the view must be above 0 and finite", p->scale);
    if (!isfinite(p->center_x) || !isfinite(p->center_y))
        return rk_plan_fail(plan, "the middle of the view (%g, %g) must be finite", p->center_x, p->center_y);
    return rk_plan_axis(plan, "y", p->height, row_of(p, 0), pixel(p), "1", "imaginary part of c");
}

static uint32_t iterate(double cx, double cy, uint32_t most) {
    double x = 0, y = 0;
    uint32_t n = 0;
    while (n < most && x * x + y * y <= 4) {
        double next = x * x - y * y + cx;
        y = 2 * x * y + cy;
        x = next;
        n++;
    }
    return n;
}

static int mandelbrot(rk_task *task, const void *params, void *result) {
    const mandelbrot_params *p = params;
    uint32_t *row = ((mandelbrot_result *)result)->iterations;
    double cy = row_of(p, (double)task->plan_index);
    for (uint32_t i = 0; i < p->width; i++)
        row[i] = iterate(p->center_x + (i + 0.5 - 0.5 * p->width) * pixel(p), cy, p->max_iter);
    return RK_OK;
}

RK_KERNEL(mandelbrot, .summary = "the Mandelbrot set: an image, row by row", .version = "1", .deterministic = true,
          .params = {RK_PARAM(mandelbrot_params, width, RK_U32, "800", "1", "pixels in a row", .fixed = true),
                     RK_PARAM(mandelbrot_params, height, RK_U32, "600", "1", "rows", .fixed = true),
                     RK_PARAM(mandelbrot_params, max_iter, RK_U32, "1000", "1", "give up after so many iterations"),
                     RK_PARAM(mandelbrot_params, center_x, RK_F64, "-0.75", "1", "middle of the view, real part",
                              .fixed = true),
                     RK_PARAM(mandelbrot_params, center_y, RK_F64, "0", "1", "middle of the view, imaginary part",
                              .fixed = true),
                     RK_PARAM(mandelbrot_params, scale, RK_F64, "3.5", "1", "width of the view", .fixed = true)},
          .outputs = {RK_OUTPUT_ROW(mandelbrot_result, iterations, RK_U32, "1", "iterations until |z| > 2",
                                    .shape = {"width"})},
          .plan = mandelbrot_plan, .run = mandelbrot, .thread_safe = true)
